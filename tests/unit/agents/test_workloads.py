from collections.abc import Iterator
from typing import Any

import pytest

from agents import workloads
from agents.claude.client import structured_format
from agents.task import Task
from agents.validate import Invalid, Valid, validate
from agents.workloads.quotes import missing_quotes
from schemas.workload import WORKLOADS, WorkloadClass
from tests.builders import document, interaction

TASKS = [workloads.triage, workloads.assist, workloads.extract, workloads.review]
# What the API takes in a schema, and nothing else.
TAKEN = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
    *("anyOf", "$ref", "$defs", "title", "description", "default", "format", "minItems"),
}
FULL: dict[str, str] = {
    "triage": '{"category":"billing","urgency":"low","sentiment":"neutral","language":"en",'
    '"confidence":0.5}',
    "assist": '{"reply":"Hello","next_actions":["none"],"needs_human":false,"confidence":1}',
    "extract": '{"document_type":"invoice","parties":[],"dates":[],"amounts":[{"value":"12.50",'
    '"quote":"total  12.50\\nEUR","kind":"total","currency":"EUR"}],"addresses":[],'
    '"completeness":0.9}',
    "review": '{"findings":[{"rule":"personal_data","severity":"low","quote":"Invoice 7",'
    '"explanation":"x"}],"completeness":1,"confidence":0}',
}


def nodes(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any part of a schema
    """Every schema inside a schema; the names of properties are none."""
    if isinstance(schema, list):
        for part in schema:
            yield from nodes(part)
    if isinstance(schema, dict):
        yield schema
        for key in ("items", "anyOf"):
            yield from nodes(schema.get(key, []))
        for key in ("properties", "$defs"):
            yield from nodes(list(schema.get(key, {}).values()))


def schema(task: Task) -> dict[str, Any]:
    found: dict[str, Any] = structured_format(task.output)["schema"]
    return found


def event(task: Task) -> Any:  # noqa: ANN401 - what checks take
    is_document = WORKLOADS[task.workload].event == "document"
    return document() if is_document else interaction()


by_name = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def test_each_class_has_its_task() -> None:
    assert [task.workload for task in TASKS] == list(WorkloadClass)
    assert all(task.default for task in TASKS)


@by_name
def test_schema_uses_only_what_structured_outputs_take(task: Task) -> None:
    for node in nodes(schema(task)):
        assert set(node) <= TAKEN
        assert node.get("minItems", 0) in (0, 1)


@by_name
def test_every_object_is_closed_and_all_of_it_required(task: Task) -> None:
    for node in nodes(schema(task)):
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert set(node["required"]) == set(node["properties"])


@by_name
def test_references_stay_inside_and_do_not_recurse(task: Task) -> None:
    definitions = schema(task).get("$defs", {})
    references = [node["$ref"] for node in nodes(schema(task)) if "$ref" in node]
    assert {reference.removeprefix("#/$defs/") for reference in references} <= set(definitions)
    for inner in definitions.values():
        assert not [node for node in nodes(inner) if "$ref" in node]


@by_name
def test_instructions_name_every_field(task: Task) -> None:
    text = task.instructions
    assert all(name in text or name == "findings" for name in task.output.model_fields)


@by_name
def test_answer_as_it_should_be_is_valid(task: Task) -> None:
    assert isinstance(validate(FULL[task.name], task, event(task)), Valid)


@by_name
def test_share_outside_of_zero_to_one_is_invalid(task: Task) -> None:
    for key in ("confidence", "completeness"):
        if key in task.output.model_fields:
            text = FULL[task.name].replace(f'"{key}":', f'"{key}":7')
            assert isinstance(validate(text, task, event(task)), Invalid)


@by_name
def test_longest_labels_fit_the_cap(task: Task) -> None:
    assert len(FULL[task.name]) / 3 < task.max_output_tokens


@pytest.mark.parametrize("task", [workloads.extract, workloads.review], ids=lambda t: t.name)
def test_invented_quote_is_named_by_its_number(task: Task) -> None:
    verdict = validate(FULL[task.name], task, document(text="nothing of the kind"))
    assert verdict == Invalid(
        rule="quotes_occur",
        problems=("quote 1 does not occur in the document: copy it letter by letter",),
    )


@pytest.mark.parametrize(
    ("quote", "occurs"),
    [
        ("Invoice 7", True),
        ("  Invoice\n7 ", True),
        ("invoice 7", False),
        ("Invoice 8", False),
        ("7, total 12.50 EUR", True),
        ("Title", True),
        ("Title Invoice", True),
    ],
)
def test_quote_occurs_letter_by_letter_white_space_aside(quote: str, *, occurs: bool) -> None:
    found = missing_quotes(document(title="Title", text="Invoice 7,\n\t total 12.50 EUR"), [quote])
    assert (found == []) is occurs


def test_every_missing_quote_is_named_also_a_blank_one() -> None:
    found = missing_quotes(document(), ["Invoice", "x1", "total", " \n"])
    assert [problem.split()[1] for problem in found] == ["2", "4"]
