"""Valid values with only the interesting part left to say."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

import orjson

from agents.claude.gateway import Place
from agents.pipeline import Work
from agents.task import Task
from schemas.base import OutputModel
from schemas.events import Document, Event, Interaction
from schemas.outcome import Progress
from schemas.request import Block, Reply, Request, Turn
from schemas.usage import Usage
from schemas.workload import WorkloadClass

T = TypeVar("T")

MODEL = "claude-haiku-5-5"
USAGE = Usage(input_tokens=100, output_tokens=20)


class Label(OutputModel):
    """The smallest useful output."""

    label: Literal["bug", "question"]
    score: int


GOOD = '{"label":"bug","score":3}'


def changed(value: T, changes: Mapping[str, Any]) -> T:
    return replace(value, **changes)  # type: ignore[type-var] # every builder passes a dataclass


def interaction(**changes: Any) -> Interaction:
    return Interaction(**{"id": "evt-1", "text": "my card is lost"} | changes)


def document(**changes: Any) -> Document:
    return Document(**{"id": "doc-1", "text": "Invoice 7, total 12.50 EUR"} | changes)


def task(**changes: Any) -> Task:
    given: dict[str, Any] = {
        "name": "label",
        "workload": WorkloadClass.REALTIME,
        "output": Label,
        "instructions": "Name the label.",
        "max_output_tokens": 50,
        "model": MODEL,
    }
    return Task(**given | changes)


def request(**changes: Any) -> Request:
    plain = Request(
        task="label",
        model=MODEL,
        system=(Block(text="Name the label.", cached=True),),
        turns=(Turn(role="user", text="my card is lost"),),
        output=Label,
        max_output_tokens=50,
    )
    return changed(plain, changes)


def reply(text: str = GOOD, **changes: Any) -> Reply:
    plain = Reply(
        model=MODEL,
        text=text,
        stop_reason="end_turn",
        usage=USAGE,
        request_id="req_1",
        cost_nanousd=20_000,
        duration_s=0.5,
    )
    return changed(plain, changes)


def progress(**changes: Any) -> Progress:
    return changed(Progress(), changes)


def place(**changes: Any) -> Place:
    return changed(Place(workload=WorkloadClass.REALTIME, deadline=2_000_000_005.0), changes)


def work(event: Event | None = None, task_: Task | None = None, **changes: Any) -> Work:
    asked = task_ or task()
    return Work(event=event or interaction(), task=asked, place=place(**changes))


def limit_headers(**units: tuple[int, int]) -> dict[str, str]:
    """Rate limit headers; each unit is (limit, remaining)."""
    stems = {unit: f"anthropic-ratelimit-{unit.replace('_', '-')}" for unit in units}
    limits = {f"{stems[unit]}-limit": str(limit) for unit, (limit, _) in units.items()}
    return limits | {f"{stems[unit]}-remaining": str(left) for unit, (_, left) in units.items()}


def message(text: str = GOOD, **changes: Any) -> bytes:
    """Body of an answer to `POST /v1/messages`."""
    plain: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 20},
    }
    return orjson.dumps(plain | changes)


def error(kind: str, text: str = "no", code: str | None = None) -> bytes:
    """Body of an error answer."""
    details = {"error_code": code} if code else None
    inner = {"type": kind, "message": text, "details": details}
    return orjson.dumps({"type": "error", "error": inner, "request_id": "req_9"})


def sse(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Body of a streamed answer."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), orjson.dumps(event))
        for event in events
    )


def stream(*pieces: str, stop_reason: str = "end_turn", output_tokens: int = 20) -> list[Any]:
    """Return the events of a whole streamed answer, `message_stop` last."""
    head: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}
    head |= {"content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return [
        {"type": "message_start", "message": head},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": output_tokens},
        },
        {"type": "message_stop"},
    ]
