"""Every row of the table of bad input, each on a partition that has to go on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.app import VERSION
from streams.local.kafka import LocalKafka
from streams.record import Record
from tests.harness import Rig, event
from tests.outputs import text

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GIVEN: tuple[tuple[str, Any], ...] = (
    ("traceparent", TRACE),
    ("shop", b"\xff\x00 bytes"),
    ("shop", b"twice"),
    ("ce_type", None),  # Kafka takes a header without a value
)
FORGED = (("dlq.disposition", b"OPERATOR"), ("__dlq.errors.offset", b"999"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One kind of bad input and what its letter says."""

    value: bytes | None
    ends_as: Disposition
    error_type: str
    workload: WorkloadClass = REALTIME


def undecodable(value: bytes | None, error_type: str = "json") -> Bad:
    return Bad(value=value, ends_as=Disposition.UNDECODABLE, error_type=error_type)


def invalid(value: bytes, error_type: str, workload: WorkloadClass = REALTIME) -> Bad:
    return Bad(
        value=value, ends_as=Disposition.SCHEMA_INVALID, error_type=error_type, workload=workload
    )


KINDS = {
    "tombstone": undecodable(None, "tombstone"),
    "empty": undecodable(b""),
    "not UTF-8": undecodable(b'{"id":"1","text":"caf\xe9"}'),
    "not JSON": undecodable(b"where is my parcel?"),
    "NaN": undecodable(b'{"id":"1","text":"a","attributes":{"score":NaN}}'),
    "byte order mark": undecodable(b'\xef\xbb\xbf{"id":"1","text":"a"}'),
    "nested 65 deep": undecodable(b"[" * 65 + b"]" * 65, "depth"),
    "not an object": invalid(b'["id","text"]', "type"),
    "missing field": invalid(b'{"text":"a"}', "missing"),
    "unknown field": invalid(b'{"id":"1","text":"a","colour":"red"}', "extra_forbidden"),
    "wrong type": invalid(b'{"id":1,"text":"a"}', "string_type"),
    "blank text": invalid(b'{"id":"1","text":" \\n"}', "value_error"),
    "naive time": invalid(
        b'{"id":"1","text":"a","occurred_at":"2026-11-22T12:00:00"}', "timezone_aware"
    ),
    "text and messages": invalid(
        b'{"id":"1","text":"a","messages":[{"role":"customer","text":"b"}]}', "value_error"
    ),
    "document without text": invalid(b'{"id":"1","title":"a"}', "missing", BATCH),
    "no such task": Bad(
        value=event(1, task="translate"),
        ends_as=Disposition.UNKNOWN_TASK,
        error_type="unknown_task",
    ),
    "task of another class": Bad(
        value=event(1, task="extract"),
        ends_as=Disposition.UNKNOWN_TASK,
        error_type="unknown_task",
        workload=BATCH,
    ),
    "too large": Bad(
        value=event(1, "x" * 1_000_000),
        ends_as=Disposition.TOO_LARGE,
        error_type="max_event_bytes",
        workload=BATCH,
    ),
}


@pytest.fixture(scope="module")
async def working(
    broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rig]:
    async with Rig(tmp_path_factory.mktemp("bad"), broker.bootstrap) as rig:
        await rig.worker().start()
        yield rig


async def letter_of(rig: Rig, bad: Bad) -> Record:
    """Publish it between two good events, see those answered, and return its only letter."""
    before = await rig.publish(bad.workload, event("before"), partition=2)
    key = b"\xfe key"
    [source] = await rig.publish(
        bad.workload, bad.value, key=key, partition=2, headers=GIVEN + FORGED
    )
    after = await rig.publish(bad.workload, event("after"), partition=2)
    await rig.outputs.until_ended([*before, source, *after])
    assert all(good in rig.outputs.results for good in before + after)
    assert source not in rig.outputs.results
    [letter] = rig.outputs.letters[source]
    assert (letter.topic, letter.key) == (rig.names.dead_letters(bad.workload), key)
    assert int(text(letter, "__dlq.errors.offset")) == source[2]
    return letter


@pytest.mark.parametrize("kind", KINDS)
async def test_bad_input_becomes_a_letter_and_its_partition_goes_on(
    working: Rig, kind: str
) -> None:
    bad = KINDS[kind]
    letter = await letter_of(working, bad)
    assert letter.value == bad.value
    assert text(letter, "dlq.disposition") == bad.ends_as
    assert text(letter, "dlq.error.type") == bad.error_type
    assert text(letter, "dlq.stage") == "decode"


async def test_record_without_key_and_value_is_a_letter_too(working: Rig) -> None:
    [source] = await working.publish(REALTIME, None)
    await working.outputs.until_ended([source])
    [letter] = working.outputs.letters[source]
    assert (letter.key, letter.value) == (None, None)


async def test_headers_of_a_letter(working: Rig) -> None:
    letter = await letter_of(working, KINDS["blank text"])
    own = {name: value.decode() for name, value in letter.headers[len(GIVEN) :]}
    assert letter.headers[: len(GIVEN)] == GIVEN
    first, last = own.pop("dlq.first.failure.time"), own.pop("dlq.last.failure.time")
    written = own.pop("dlq.original.timestamp")
    assert first == last
    assert (datetime.fromisoformat(first) - datetime.fromisoformat(written)).total_seconds() < 30
    assert written.endswith("Z")
    own.pop("__dlq.errors.offset")
    assert len(own.pop("dlq.id")) == 36
    assert own == {
        "__dlq.errors.topic": working.names.input(REALTIME),
        "__dlq.errors.partition": "2",
        "__dlq.errors.group": f"{working.name}.realtime",
        "__dlq.errors.delivery.count": "1",
        "__dlq.errors.message": "text: Value error, must not be blank",
        "dlq.disposition": "SCHEMA_INVALID",
        "dlq.stage": "decode",
        "dlq.error.class": "Undecodable",
        "dlq.error.type": "value_error",
        "dlq.attempts.record": "1",
        "dlq.attempts.dependency": "0",
        "dlq.replay.count": "0",
        "dlq.workload": "realtime",
        "dlq.cost.microusd": "0",
        "dlq.app.version": VERSION,
    }


async def test_nothing_was_paid_for_bad_input(working: Rig) -> None:
    asked = {entry.last_user_text for entry in working.simulator.ledger.entries}
    assert asked
    assert all("(before)" in said or "(after)" in said for said in asked)
    ids = [text(one, "dlq.id") for found in working.outputs.letters.values() for one in found]
    assert len(set(ids)) == len(ids)
