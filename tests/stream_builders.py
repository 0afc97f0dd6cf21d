"""Records, outcomes and a whole class in memory, with only the interesting part left to say."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

from typing import Any

import orjson

from agents.catalog import Catalog
from agents.task import Task
from schemas.dead_letter import Disposition, Stage
from schemas.outcome import Completed, Failed, Failure, Held
from schemas.results import Timing
from schemas.sections import Classes
from schemas.workload import WorkloadClass
from streams.envelope import Ending, Origin
from streams.record import Message, Record
from streams.settlement import Address
from tests import builders
from tests.builders import GOOD, MODEL, changed

INPUT, REPLAYS = "interactions.realtime", "replay.headrace.realtime"
WRITTEN_AT = 1_795_348_800.0  # 2026-11-22T12:00:00Z
EVENT = b'{"id":"evt-1","text":"my card is lost"}'


def event(**fields: Any) -> bytes:
    """An interaction as it is published."""
    return orjson.dumps({"id": "evt-1", "text": "my card is lost"} | fields)


def document(**fields: Any) -> bytes:
    return orjson.dumps({"id": "doc-1", "text": "Invoice 7"} | fields)


def record(value: bytes | None = EVENT, **changes: Any) -> Record:
    plain = Record(
        topic=INPUT, partition=3, offset=41, timestamp=WRITTEN_AT, key=b"evt-1", value=value
    )
    return changed(plain, changes)


def headers(**values: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(values.items())


def replayed(letter: Message, **changes: Any) -> Record:
    """A letter as it is sent again, and read."""
    count = int(dict(letter.headers)["dlq.replay.count"]) + 1
    kept = tuple(pair for pair in letter.headers if pair[0] != "dlq.replay.count")
    plain = Record(
        topic=REPLAYS,
        partition=3,
        offset=0,
        timestamp=WRITTEN_AT + 3600,
        key=letter.key,
        value=letter.value,
        headers=(*kept, ("dlq.replay.count", str(count).encode())),
    )
    return changed(plain, changes)


def facts(message: Message) -> dict[str, str]:
    """The headers of a message as text."""
    return {name: value.decode() for name, value in message.headers}


def catalog(*tasks: Task) -> Catalog:
    """A catalog with a default task for realtime, and whatever else is given."""
    return Catalog((builders.task(default=True), *tasks), Classes())


def completed(output: str = GOOD, **changes: Any) -> Completed:
    replies = (builders.reply(output),)
    plain = builders.progress(replies=replies, judged=1, calls=1, first_call_at=1000.25)
    return Completed(output=output.encode(), progress=changed(plain, changes))


def failure(**changes: Any) -> Failure:
    plain = Failure(
        stage=Stage.VALIDATE,
        error_class="OutputInvalid",
        error_type="schema",
        message="label: not one of bug, question",
    )
    return changed(plain, changes)


def failed(disposition: Disposition = Disposition.OUTPUT_INVALID, **changes: Any) -> Failed:
    progress = builders.progress(record_attempts=2, first_failed_at=WRITTEN_AT)
    return Failed(disposition=disposition, failure=failure(**changes), progress=progress)


def held(until: float, **changes: Any) -> Held:
    plain = Held(
        until=until,
        reason="outage",
        failure=failure(stage=Stage.CALL),
        progress=builders.progress(dependency_attempts=1),
    )
    return changed(plain, changes)


def origin(**changes: Any) -> Origin:
    plain = Origin(
        app="headrace",
        group="headrace.realtime",
        workload=WorkloadClass.REALTIME,
        task="label",
        task_version="9f3c2a1b",
        model=MODEL,
    )
    return changed(plain, changes)


def ending(**changes: Any) -> Ending:
    timing = Timing(queued_ms=1.5, claude_ms=500.0, total_ms=502.0)
    plain = Ending(event_id="evt-1", timing=timing, late=False, at=WRITTEN_AT + 0.5)
    return changed(plain, changes)


def address(**changes: Any) -> Address:
    plain = Address(
        app="headrace",
        version="0.1.0",
        group="headrace.realtime",
        workload=WorkloadClass.REALTIME,
        results="results.realtime",
        letters="dlq.headrace.realtime",
        parked="parked.headrace.realtime",
        deltas="results.interactive.deltas",
    )
    return changed(plain, changes)
