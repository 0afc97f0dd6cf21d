from enum import Enum
from typing import Any, Literal

import pytest

from agents import Task
from agents.task import TaskError
from schemas import OutputModel
from schemas.problem import Problem
from schemas.workload import WorkloadClass
from tests.builders import Label, task


class Source:
    required = False

    def __init__(self, name: str = "crm") -> None:
        self.name = name

    async def fetch(self, event: object) -> str | None:
        return f"nothing about {event}"


def output(*labels: str) -> type[OutputModel]:
    class Label(OutputModel):
        label: Literal[labels]  # type: ignore[valid-type] # made for the test

    return Label


def short(event: object, output: object) -> list[str]:
    return [f"{event} {output}"]


def long(event: object, output: object) -> list[str]:
    return [f"longer: {event} {output}"]


class Named:
    def __call__(self, event: object, output: object) -> list[str]:
        return [f"{event} {output}"]


CHANGES: dict[str, dict[str, Any]] = {
    "instructions": {"instructions": "Name the label!"},
    "cap": {"max_output_tokens": 51},
    "model": {"model": "claude-sonnet-5-5"},
    "effort": {"effort": "high"},
    "thinking": {"thinking": "adaptive"},
    "schema": {"output": output("bug")},
    "another label": {"output": output("bug", "question")},
    "a check": {"checks": [short]},
    "another check": {"checks": [long]},
    "a source": {"context": [Source()]},
    "another source": {"context": [Source("orders")]},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_version_changes_with_what_shapes_the_answer(changes: dict[str, Any]) -> None:
    others = [c for c in CHANGES.values() if c is not changes]
    versions = {task(**other).version for other in [{}, *others]}
    assert task(**changes).version not in versions


@pytest.mark.parametrize(
    "changes", [{"default": True}, {"ordered": True}, {"name": "other"}], ids=str
)
def test_version_stays_when_the_answer_stays(changes: dict[str, Any]) -> None:
    assert task(**changes).version == task().version


def test_version_is_eight_hex_digits_and_stable() -> None:
    assert task().version == task().version
    assert len(task().version) == 8
    assert int(task().version, 16) >= 0


def test_check_without_a_source_text_counts_by_its_name() -> None:
    assert task(checks=[Named()]).version == task(checks=[Named()]).version
    assert task(checks=[Named()]).version != task(checks=[short]).version


def test_lists_and_plain_texts_are_accepted() -> None:
    declared = Task(
        name="bank_intent",
        workload="batch",  # type: ignore[arg-type] # what the README shows
        output=Label,
        instructions="Name it.",
        max_output_tokens=1,
        checks=[short],  # type: ignore[arg-type] # likewise
        context=[Source()],  # type: ignore[arg-type] # likewise
    )
    assert declared.workload is WorkloadClass.BATCH
    assert declared.checks == (short,)
    assert len(declared.context) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, "name takes letters"),
        ({"name": "two words"}, "name takes letters"),
        ({"name": "-x"}, "name takes letters"),
        ({"name": "x" * 101}, "name takes letters"),
        ({"workload": "soon"}, "workload is one of realtime, interactive, transactional, batch"),
        ({"workload": None}, "workload is one of"),
        ({"output": dict}, "output is a class that derives from schemas.OutputModel"),
        ({"output": Label(label="bug", score=1)}, "output is a class"),
        ({"output": Enum}, "output is a class"),
        ({"instructions": " \n"}, "instructions must not be blank"),
        ({"max_output_tokens": 0}, "max_output_tokens must be at least 1"),
    ],
    ids=str,
)
def test_wrong_declaration_says_what_is_taken(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(TaskError) as caught:
        task(**changes)
    name = changes.get("name", "label")
    assert str(caught.value).startswith(f"task {name!r}: {expected}")


def test_wrong_declaration_is_a_problem_for_a_person() -> None:
    assert issubclass(TaskError, Problem)
    assert TaskError.exit_status == 2
