import json
from typing import Annotated, Any, Literal

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from agents.validate import Invalid, Valid, validate
from schemas.base import OutputModel
from tests.builders import interaction, task

EVENT = interaction()
MARK = "QZXJ"  # in no name, rule or message of the models below
LABELS = ["bug", "Question", "UPPER_case", "straße"]

Label = Literal["bug", "Question", "UPPER_case", "straße"]


class Leaf(OutputModel):
    label: Label
    note: Annotated[str, Field(max_length=20)]


class Tree(OutputModel):
    kind: Literal["tree"]
    leaves: list[Leaf]
    best: Leaf | None
    share: Annotated[float, Field(ge=0, le=1)]


TASK = task(output=Tree)
notes = st.text(max_size=20)
leaves = st.fixed_dictionaries({"label": st.sampled_from(LABELS), "note": notes})
trees = st.fixed_dictionaries(
    {
        "kind": st.just("tree"),
        "leaves": st.lists(leaves, max_size=4),
        "best": st.none() | leaves,
        "share": st.floats(0, 1),
    }
)
marked = st.text(max_size=10).map(lambda text: f"{text}{MARK}{text}")
rubbish = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | marked,
    lambda inner: st.lists(inner) | st.dictionaries(marked, inner),
    max_leaves=8,
)


def cased(value: Any, upper: bool) -> Any:  # noqa: ANN401, FBT001 - a JSON value and a switch
    """Return the value with its labels in other capitals, its notes as they are."""
    if isinstance(value, list):
        return [cased(inner, upper) for inner in value]
    if isinstance(value, dict):
        return {k: v if k == "note" else cased(v, upper) for k, v in value.items()}
    if isinstance(value, str):
        return value.upper() if upper else value.lower()
    return value


@given(trees)
def test_valid_answer_comes_through_unchanged(tree: dict[str, Any]) -> None:
    verdict = validate(orjson.dumps(tree).decode(), TASK, EVENT)
    assert isinstance(verdict, Valid)
    assert orjson.loads(verdict.output) == tree


@given(trees, st.booleans())
def test_capitals_of_labels_never_matter_and_of_texts_always_do(
    tree: dict[str, Any],
    upper: bool,  # noqa: FBT001 - drawn by place
) -> None:
    verdict = validate(orjson.dumps(cased(tree, upper)).decode(), TASK, EVENT)
    assert isinstance(verdict, Valid)
    assert orjson.loads(verdict.output) == tree


@given(rubbish)
def test_problems_never_hold_what_the_answer_said(value: object) -> None:
    verdict = validate(json.dumps(value), TASK, EVENT)
    assert isinstance(verdict, Invalid)
    assert MARK not in repr(verdict)


@given(trees, st.sampled_from(["kind", "leaves", "best", "share"]), rubbish)
def test_rubbish_in_a_field_is_named_by_its_place_alone(
    tree: dict[str, Any], field: str, value: object
) -> None:
    verdict = validate(json.dumps(tree | {field: value}), TASK, EVENT)
    if isinstance(verdict, Invalid):
        assert verdict.rule == "schema"
        assert all(problem.startswith(field) for problem in verdict.problems)
        assert MARK not in repr(verdict)


@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    assert isinstance(validate(text, TASK, EVENT), Invalid)
