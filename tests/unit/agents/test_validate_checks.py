from typing import Any

import pytest

from agents.validate import Invalid, Valid, validate
from tests.builders import GOOD, Label, interaction, task

EVENT = interaction()


def checked(*found: Any) -> Invalid | Valid:  # noqa: ANN401 - whatever a check may return
    def first(event: object, output: object) -> Any:  # noqa: ANN401 - likewise
        assert event is EVENT
        assert output == Label(label="bug", score=3)
        return found[0]

    def second(event: object, output: object) -> Any:  # noqa: ANN401 - likewise
        assert event is EVENT
        assert output == Label(label="bug", score=3)
        return found[-1]

    return validate(GOOD, task(checks=[first, second]), EVENT)


@pytest.mark.parametrize("nothing", [None, [], (), ""], ids=repr)
def test_checks_that_find_nothing_let_the_answer_pass(nothing: object) -> None:
    assert isinstance(checked(nothing), Valid)


@pytest.mark.parametrize("found", [["too low"], ("too low",), "too low", {"too low"}], ids=repr)
def test_check_that_finds_something_is_the_rule_that_broke(found: object) -> None:
    assert checked(None, found) == Invalid(rule="second", problems=("too low",))


def test_first_check_that_finds_something_ends_the_search() -> None:
    assert checked(["a"], ["b"]) == Invalid(rule="first", problems=("a",))


def test_check_may_yield_its_problems() -> None:
    found = checked(str(number) for number in range(9))
    assert found == Invalid(rule="first", problems=("0", "1", "2", "3", "4"))


def test_check_without_a_name_is_named_by_its_type() -> None:
    class Strict:
        def __call__(self, event: object, output: object) -> list[str]:
            return ["no"] if event and output else []

    assert validate(GOOD, task(checks=[Strict()]), EVENT) == Invalid(
        rule="Strict", problems=("no",)
    )


def test_what_a_check_raises_is_left_to_the_caller() -> None:
    def broken(event: object, output: object) -> list[str]:
        raise LookupError(event, output)

    with pytest.raises(LookupError):
        validate(GOOD, task(checks=[broken]), EVENT)
