"""Claude's answer -> the task's output model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from agents.task import Task
from schemas.events import Event

MAX_PROBLEMS = 5
_MAYBE_CAPITALS = ("enum", "literal_error", "union_tag_invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """The output as compact JSON."""

    output: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """Why an answer is not accepted. Problems name places and rules, never values."""

    rule: str
    problems: tuple[str, ...]


def validate(text: str, task: Task, event: Event) -> Valid | Invalid:
    """Parse, validate and check one answer. What a check raises is the caller's to handle."""
    if not text.strip():
        return Invalid(rule="empty", problems=("the answer is empty",))
    parsed = _parse(text, task.output)
    if isinstance(parsed, Invalid):
        return parsed
    for check in task.checks:
        found = check(event, parsed) or ()
        if problems := (found,) if isinstance(found, str) else tuple(found):
            name = getattr(check, "__name__", type(check).__name__)
            return Invalid(rule=name, problems=problems[:MAX_PROBLEMS])
    return Valid(output=parsed.model_dump_json().encode())


def _parse(text: str, model: type[BaseModel]) -> BaseModel | Invalid:
    try:
        return model.model_validate_json(text)
    except ValidationError as problem:
        first = problem
    if any(error["type"] in _MAYBE_CAPITALS for error in first.errors()):
        # The API does not promise the capitalisation of enum values.
        try:
            folded = _refold(from_json(text), model)
            return model.model_validate_json(to_json(folded, inf_nan_mode="constants"))
        except ValidationError as problem:
            first = problem
    return _invalid(first)


def _invalid(problem: ValidationError) -> Invalid:
    errors = problem.errors(include_url=False, include_input=False)
    malformed = any(error["type"] == "json_invalid" for error in errors)
    listed = tuple(_said(error) for error in errors[:MAX_PROBLEMS])
    return Invalid(rule="json" if malformed else "schema", problems=listed)


def _said(error: ErrorDetails) -> str:
    """Name place and rule. What the answer said stays out: it is what the customer wrote."""
    kind, place, said = error["type"], error["loc"], error["msg"]
    if kind == "extra_forbidden":  # the last part of the place is the answer's own word
        place = place[:-1]
    elif kind == "union_tag_invalid":
        said = f"Input should be one of {error['ctx']['expected_tags']}"
    return f"{'.'.join(map(str, place)) or 'answer'}: {said}"


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _refold(value: Any, model: type[BaseModel]) -> Any:  # noqa: ANN401 - any JSON value
    schema = _schema(model)
    return _fold(value, schema, schema.get("$defs", {}))


def _fold(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Give enum texts the capitalisation that the schema has."""
    if "$ref" in schema:
        return _fold(value, defs[schema["$ref"].rpartition("/")[2]], defs)
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if (folded := _fold(value, option, defs)) != value:
            return folded
    if isinstance(value, str):
        allowed = schema.get("enum", [schema["const"]] if "const" in schema else [])
        return next((a for a in allowed if str(a).casefold() == value.casefold()), value)
    if isinstance(value, list) and "items" in schema:
        return [_fold(item, schema["items"], defs) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {k: _fold(v, known[k], defs) if k in known else v for k, v in value.items()}
    return value
