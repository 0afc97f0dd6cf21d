"""Results, deltas and dead letters as they are published."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from schemas.dead_letter import LETTER_HEADERS
from schemas.outcome import Completed, Failed
from schemas.results import Delta, Timing
from schemas.usage import microusd
from schemas.workload import WorkloadClass
from streams.record import Message, Record
from streams.source import kafka_number, letter_id, result_id, source_of

MAX_MESSAGE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a result or letter says of its making."""

    app: str
    group: str
    workload: WorkloadClass
    task: str | None = None
    task_version: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When and for which event a result came; `at` is seconds since the epoch."""

    event_id: str
    timing: Timing
    late: bool
    at: float


def result_message(
    record: Record, done: Completed, origin: Origin, ending: Ending, topic: str
) -> Message:
    """Build the result of an event."""
    progress = done.progress
    source, last = source_of(record), progress.replies[-1]
    now = rfc3339(ending.at)
    body = {
        "id": ending.event_id,
        "task": origin.task,
        "task_version": origin.task_version,
        "workload": origin.workload,
        "output": orjson.Fragment(done.output),
        "model": last.model,
        "stop_reason": last.stop_reason,
        "request_id": last.request_id,
        "attempts": progress.calls,
        "repaired": bool(progress.problems),
        "late": ending.late,
        "usage": progress.usage.model_dump(),
        "cost_microusd": microusd(progress.cost_nanousd),
        "timing": ending.timing.model_dump(),
        "source": {"topic": source.topic, "partition": source.partition, "offset": source.offset},
        "completed_at": now,
        "context_missing": progress.context_missing,
    }
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", result_id(source, origin.task or "").encode()),
        ("ce_type", f"headrace.result.{origin.task}".encode()),
        ("ce_source", f"/{origin.app}/{origin.workload}".encode()),
        ("ce_time", now.encode()),
        ("content-type", b"application/json"),
    ]
    if trace := record.header("traceparent"):
        headers.append(("traceparent", trace))
    return Message(topic=topic, key=record.key, value=orjson.dumps(body), headers=tuple(headers))


def delta_message(record: Record, delta: Delta, topic: str) -> Message:
    """Build a piece of an answer."""
    headers = (("content-type", b"application/json"),)
    value = orjson.dumps(delta.model_dump())
    return Message(topic=topic, key=record.key, value=value, headers=headers)


def dead_letter_message(
    record: Record, failed: Failed, origin: Origin, topic: str, version: str
) -> Message:
    """Build the dead letter of a record: original bytes, original headers, our facts."""
    kept = tuple(pair for pair in record.headers if pair[0] not in LETTER_HEADERS)
    facts = tuple(_facts(record, failed, origin, version))
    added = tuple((name, str(value).encode()) for name, value in facts if value not in (None, ""))
    return Message(topic=topic, key=record.key, value=record.value, headers=kept + added)


def _facts(
    record: Record, failed: Failed, origin: Origin, version: str
) -> Iterator[tuple[str, object]]:
    """Name what is known; a replay keeps what its letter said of the first failure, and adds up."""
    progress, failure, source = failed.progress, failed.failure, source_of(record)
    last = progress.replies[-1] if progress.replies else None
    letter = record if source.replays else None
    yield "__dlq.errors.topic", source.topic
    yield "__dlq.errors.partition", source.partition
    yield "__dlq.errors.offset", source.offset
    yield "__dlq.errors.group", origin.group
    tries = progress.deliveries - 1 + max(1, progress.record_attempts)
    yield "__dlq.errors.delivery.count", tries + _count(letter, "__dlq.errors.delivery.count")
    yield "__dlq.errors.message", failure.message[:MAX_MESSAGE_CHARACTERS]
    yield "dlq.id", letter_id(source, source.replays)
    yield "dlq.disposition", failed.disposition
    yield "dlq.stage", failure.stage
    yield "dlq.error.class", failure.error_class
    yield "dlq.error.type", failure.error_type
    for name, count in (
        ("dlq.attempts.record", progress.record_attempts),
        ("dlq.attempts.dependency", progress.dependency_attempts),
        ("dlq.cost.microusd", microusd(progress.cost_nanousd)),
    ):
        yield name, count + _count(letter, name)
    first = _text(letter, "dlq.first.failure.time")
    yield "dlq.first.failure.time", first or _optional_time(progress.first_failed_at)
    yield "dlq.last.failure.time", _optional_time(progress.last_failed_at)
    yield (
        "dlq.original.timestamp",
        _text(letter, "dlq.original.timestamp") or written(record.timestamp),
    )
    yield "dlq.replay.count", source.replays
    yield "dlq.workload", origin.workload
    yield "dlq.task", origin.task
    yield "dlq.task.version", origin.task_version
    yield "dlq.model", origin.model
    yield "dlq.request.id", last.request_id if last else None
    yield "dlq.app.version", version


def _text(letter: Record | None, name: str) -> str:
    return (letter.header(name) or b"").decode("utf-8", "replace") if letter else ""


def _count(letter: Record | None, name: str) -> int:
    """Return a counter of the letter that was replayed; 0 when it has none."""
    try:
        return kafka_number(_text(letter, name))
    except ValueError:
        return 0


def rfc3339(timestamp: float) -> str:
    """Format seconds since the epoch as UTC with milliseconds."""
    text = datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def written(timestamp: float) -> str | None:
    """Format a producer's time: -1 says that there is none, and one in another unit has no year."""
    try:
        return rfc3339(timestamp) if timestamp >= 0 else None
    except (ValueError, OverflowError):
        return None


def _optional_time(timestamp: float | None) -> str | None:
    return None if timestamp is None else rfc3339(timestamp)
