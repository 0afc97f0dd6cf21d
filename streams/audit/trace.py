"""What one record in Kafka says of the way that an input went."""

from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from streams.record import Record
from streams.source import Source, kafka_number, source_of


class Kind(StrEnum):
    """What became of an input, or is about to."""

    RESULT = "result"
    LETTER = "dead letter"
    REPLAY = "replay"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One thing that became of an input.

    `replays` counts the replays that led to it; a result does not know them: 0. Traces of one kind,
    count and `mark` are the same thing, written `copies` times, last at `at` (seconds since the
    epoch). Marks: `ce_id` of a result, disposition and `dlq.id` of a letter, and for a replay
    whether its group's commit has passed it.
    """

    kind: Kind
    replays: int = 0
    mark: str = ""
    at: float = 0.0
    copies: int = 1

    def __str__(self) -> str:
        count = f" after replay {self.replays}" if self.replays else ""
        return f"{self.kind} {self.mark}{count}"


# The mark of a replay that its group has done with, and that of one which it has not reached.
PASSED, AHEAD = "passed", "ahead"
Found = tuple[Source, Trace]


def result_trace(record: Record, app: str) -> Found | None:
    """Read a result; None when another application wrote it. Raises Unreadable."""
    maker = record.header("ce_source")
    if maker is not None and not maker.startswith(f"/{app}/".encode()):
        return None
    try:
        told = orjson.loads(record.value or b"")["source"]
        source = _source(told["topic"], told["partition"], told["offset"])
    except (ValueError, TypeError, KeyError) as problem:
        raise Unreadable from problem
    return source, Trace(kind=Kind.RESULT, mark=_text(record, "ce_id"), at=record.timestamp)


def letter_trace(record: Record, kind: Kind) -> Found:
    """Read a letter, dead or parked. Raises Unreadable."""
    try:
        names = ("topic", "partition", "offset")
        source = _source(*(_text(record, f"__dlq.errors.{name}") for name in names))
        replays = kafka_number(_text(record, "dlq.replay.count") or 0)
    except ValueError as problem:
        raise Unreadable from problem
    mark = f"{_text(record, 'dlq.disposition')} {_text(record, 'dlq.id')}"
    return source, Trace(kind=kind, replays=replays, mark=mark, at=record.timestamp)


def replay_trace(record: Record, *, passed: bool) -> Found | None:
    """Read a letter that was sent again, to wherever; None when the record is none."""
    told = source_of(record)
    if not told.replays:
        return None
    mark = PASSED if passed else AHEAD
    trace = Trace(kind=Kind.REPLAY, replays=told.replays, mark=mark, at=record.timestamp)
    return replace(told, replays=0), trace


class Unreadable(Exception):
    """A record does not say where it came from."""


def _source(topic: str, partition: str | int, offset: str | int) -> Source:
    return Source(topic=str(topic), partition=kafka_number(partition), offset=kafka_number(offset))


def _text(record: Record, header: str) -> str:
    return (record.header(header) or b"").decode("utf-8", "replace")
