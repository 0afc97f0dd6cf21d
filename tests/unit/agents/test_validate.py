from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from agents.validate import MAX_PROBLEMS, Invalid, Valid, validate
from schemas.base import OutputModel
from tests.builders import GOOD, Label, interaction, task

EVENT = interaction()


class Colour(Enum):
    RED = "Red"
    BLUE = "Blue"


class Inner(OutputModel):
    colour: Colour
    sizes: list[Literal["small", "LARGE"]]


class Cat(OutputModel):
    kind: Literal["cat"]
    mood: Literal["calm", "wild"]


class Dog(OutputModel):
    kind: Literal["dog"]
    name: str


class Deep(OutputModel):
    inner: Inner
    more: list[Inner]
    perhaps: Inner | None
    pet: Cat | Dog
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")]
    text: str


class Bounded(OutputModel):
    share: Annotated[float, Field(ge=0, le=1)]
    label: Literal["bug"]
    note: Annotated[str, Field(max_length=5)]

    @field_validator("note")
    @classmethod
    def _no_digits(cls, note: str) -> str:
        if any(letter.isdigit() for letter in note):
            raise ValueError("takes no digits")
        return note


def invalid(text: str, output: type[OutputModel] = Label) -> Invalid:
    verdict = validate(text, task(output=output), EVENT)
    assert isinstance(verdict, Invalid)
    return verdict


def test_valid_answer_becomes_compact_json_in_the_order_of_the_model() -> None:
    verdict = validate(' { "score": 3,\n"label":"bug" } ', task(), EVENT)
    assert verdict == Valid(output=GOOD.encode())


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_blank_answer_is_empty(text: str) -> None:
    assert invalid(text) == Invalid(rule="empty", problems=("the answer is empty",))


@pytest.mark.parametrize("text", ["{", '{"label":"bug",', "label: bug", f"```json\n{GOOD}\n```"])
def test_answer_that_is_no_json_says_so(text: str) -> None:
    found = invalid(text)
    assert found.rule == "json"
    assert found.problems[0].startswith("answer: Invalid JSON")


@pytest.mark.parametrize("text", ["5", "[]", "null", '"bug"'])
def test_answer_that_is_no_object_breaks_the_schema(text: str) -> None:
    assert invalid(text).rule == "schema"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"label":"bug"}', "score: Field required"),
        ('{"label":"bug","score":"3"}', "score: Input should be a valid integer"),
        ('{"label":"bug","score":3.0}', "score: Input should be a valid integer"),
        ('{"label":"bag","score":3}', "label: Input should be 'bug' or 'question'"),
        ('{"label":null,"score":3}', "label: Input should be 'bug' or 'question'"),
        ('{"label":"bug","score":3,"x":1}', "Extra inputs are not permitted"),
    ],
)
def test_problem_names_the_place_and_the_rule(text: str, problem: str) -> None:
    found = invalid(text)
    assert found.rule == "schema"
    assert len(found.problems) == 1
    assert problem in found.problems[0]


@pytest.mark.parametrize("label", ["BUG", "Bug", "bUG"])
def test_capitalisation_of_labels_is_not_held_against_the_answer(label: str) -> None:
    text = GOOD.replace("bug", label)
    assert validate(text, task(), EVENT) == Valid(output=GOOD.encode())


def test_capitalisation_is_put_right_at_any_depth() -> None:
    inner = '{"colour":"RED","sizes":["SMALL","large"]}'
    text = (
        f'{{"inner":{inner},"more":[{inner}],"perhaps":{inner},"text":"RED small CAT",'
        '"pet":{"kind":"CAT","mood":"Wild"},"tagged":{"kind":"Dog","name":"CAT"}}'
    )
    verdict = validate(text, task(output=Deep), EVENT)
    assert isinstance(verdict, Valid)
    output = Deep.model_validate_json(verdict.output)
    right = Inner(colour=Colour.RED, sizes=["small", "LARGE"])
    assert (output.inner, output.more, output.perhaps) == (right, [right], right)
    assert output.pet == Cat(kind="cat", mood="wild")
    assert output.tagged == Dog(kind="dog", name="CAT")
    assert output.text == "RED small CAT"


def test_large_number_beside_a_wrong_capital_keeps_its_digits() -> None:
    verdict = validate(f'{{"label":"BUG","score":{2**70}}}', task(), EVENT)
    assert verdict == Valid(output=GOOD.replace("3", str(2**70)).encode())


def test_second_problem_beside_a_wrong_capital_is_the_one_that_is_named() -> None:
    found = invalid('{"label":"BUG","score":"x"}')
    assert found.problems == ("score: Input should be a valid integer",)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_number_that_json_does_not_have_is_a_problem_of_the_answer(number: str) -> None:
    found = invalid(f'{{"label":"BUG","note":"","share":{number}}}', Bounded)
    assert found.rule in ("schema", "json")


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (Bounded, '{"label":"SECRET","note":"","share":0}'),
        (Bounded, '{"label":"bug","note":"SECRET7","share":0}'),
        (Bounded, '{"label":"bug","note":"","share":"SECRET"}'),
        (Bounded, '{"label":"bug","note":"","share":0,"SECRET":1}'),
        (Bounded, '{"SECRET'),
        (Cat, '{"kind":"SECRET","mood":"SECRET"}'),
        (Deep, '{"inner":"SECRET","tagged":{"kind":"SECRET"},"pet":{"kind":"SECRET"}}'),
    ],
)
def test_problems_hold_nothing_of_what_the_answer_said(
    output: type[OutputModel], text: str
) -> None:
    assert "SECRET" not in repr(invalid(text, output))


def test_no_more_problems_are_named_than_a_repair_can_use() -> None:
    inner = '{"colour":1,"sizes":[1,2,3,4,5,6,7]}'
    assert len(invalid(f'{{"inner":{inner}}}', Deep).problems) == MAX_PROBLEMS
