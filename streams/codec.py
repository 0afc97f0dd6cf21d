"""Bytes -> events. A decode failure is a value, not an exception."""

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.dead_letter import Disposition
from schemas.events import Document, Event, Interaction
from schemas.workload import WORKLOADS, WorkloadClass
from streams.record import Record

MAX_DEPTH = 64
# A hostile megabyte can be wrong in 400,000 places; to name them all took 2 s and 400 MB.
MAX_NAMED_PROBLEMS = 20
_EVENTS: dict[str, type[Interaction | Document]] = {
    "interaction": Interaction,
    "document": Document,
}
_FROM_CLOUD_EVENT = {"ce_id": "id", "ce_time": "occurred_at", "ce_expirytime": "expires_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """Why a record is no event. The message names places, never values.

    `fields` are unknown names in the event: the producer's own words, for nobody else.
    """

    disposition: Disposition
    error_type: str
    message: str
    fields: tuple[str, ...] = ()

    @property
    def to_producer(self) -> str:
        """What whoever wrote the event may see: message and names, in plain characters."""
        named = ", ".join(map(ascii, self.fields))
        return f"{self.message}: {named}" if named else self.message


def decode(record: Record, workload: WorkloadClass, max_bytes: int) -> Event | Undecodable:
    """Read an event of a class. One JSON parse; limits are looked at before it."""
    value = record.value
    if value is None:
        return _undecodable("tombstone", "the record has no value")
    if len(value) > max_bytes:
        return Undecodable(
            disposition=Disposition.TOO_LARGE,
            error_type="max_event_bytes",
            message=f"{len(value)} bytes, more than app.max_event_bytes = {max_bytes}",
        )
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as problem:
        return _undecodable("json", f"not JSON: {problem.msg} at character {problem.pos}")
    if _deeper_than(MAX_DEPTH, parsed, value):
        return _undecodable("depth", f"nested deeper than {MAX_DEPTH}")
    return _event(parsed, record, _EVENTS[WORKLOADS[workload].event])


def task_name(event: Event, record: Record) -> tuple[str | None, bool]:
    """Return the task that an event asks for, and whether a CloudEvents type asks for it.

    Such a type counts only when a task of that name exists.
    """
    if event.task is not None:
        return event.task, False
    kind = record.header("ce_type")
    return (kind.decode("utf-8", "replace"), True) if kind else (None, False)


def _event(
    parsed: object, record: Record, model: type[Interaction | Document]
) -> Event | Undecodable:
    if not isinstance(parsed, dict):
        return _invalid("type", f"an event is an object, not a {type(parsed).__name__}")
    for header, name in _FROM_CLOUD_EVENT.items():
        if name not in parsed and (given := record.header(header)) is not None:
            parsed[name] = given.decode("utf-8", "replace")
    try:
        return model.model_validate(parsed)
    except ValidationError as problem:
        if (count := problem.error_count()) > MAX_NAMED_PROBLEMS:
            return _invalid("many", f"{count} places are not as they should be")
        errors = problem.errors(include_url=False, include_input=False, include_context=False)
        unknown = (e["loc"] for e in errors if e["type"] == "extra_forbidden")
        fields = tuple(".".join(map(str, place)) for place in unknown)
        return _invalid(errors[0]["type"], "; ".join(map(_said, errors)), fields)


def _said(error: ErrorDetails) -> str:
    """Name place and rule; the name of an unknown field is the producer's text, and left out."""
    place = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    what = "has a field that is not known" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{'.'.join(map(str, place)) or 'event'}: {what}"


def _deeper_than(depth: int, parsed: Any, value: bytes) -> bool:  # noqa: ANN401 - any JSON value
    if value.count(b"[") + value.count(b"{") <= depth:
        return False  # the usual case, without a walk
    level = [parsed]
    for _ in range(depth):
        level = [child for node in level for child in _children(node)]
    return any(isinstance(node, dict | list) for node in level)


def _children(node: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _undecodable(error_type: str, message: str) -> Undecodable:
    return Undecodable(disposition=Disposition.UNDECODABLE, error_type=error_type, message=message)


def _invalid(error_type: str, message: str, fields: tuple[str, ...] = ()) -> Undecodable:
    return Undecodable(
        disposition=Disposition.SCHEMA_INVALID,
        error_type=error_type,
        message=message,
        fields=fields,
    )
