from typing import Any

import pytest

from schemas.dead_letter import IGNORE_EXPIRY_HEADER, JOB_HEADER, Disposition, Stage
from schemas.outcome import Failed
from streams.envelope import MAX_MESSAGE_CHARACTERS, dead_letter_message, written
from streams.record import Message
from streams.source import letter_id, source_of
from tests.builders import progress, reply
from tests.stream_builders import (
    EVENT,
    WRITTEN_AT,
    facts,
    failed,
    failure,
    headers,
    origin,
    record,
    replayed,
)

TOPIC = "dlq.headrace.realtime"
FULL = Failed(
    disposition=Disposition.OUTPUT_INVALID,
    failure=failure(message="label: not one of bug, question"),
    progress=progress(
        replies=(reply(request_id="req_1"), reply(request_id="req_2")),
        calls=7,
        record_attempts=2,
        dependency_attempts=3,
        first_failed_at=WRITTEN_AT + 1,
        last_failed_at=WRITTEN_AT + 2.5,
    ),
)


def letter(given: Failed = FULL, **changes: Any) -> Message:  # noqa: ANN401 - fields of a record
    return dead_letter_message(record(**changes), given, origin(), TOPIC, "0.1.0")


def test_headers_are_those_of_the_contract() -> None:
    assert facts(letter()) == {
        "__dlq.errors.topic": "interactions.realtime",
        "__dlq.errors.partition": "3",
        "__dlq.errors.offset": "41",
        "__dlq.errors.group": "headrace.realtime",
        "__dlq.errors.delivery.count": "2",
        "__dlq.errors.message": "label: not one of bug, question",
        "dlq.id": letter_id(source_of(record()), 0),
        "dlq.disposition": "OUTPUT_INVALID",
        "dlq.stage": "validate",
        "dlq.error.class": "OutputInvalid",
        "dlq.error.type": "schema",
        "dlq.attempts.record": "2",
        "dlq.attempts.dependency": "3",
        "dlq.first.failure.time": "2026-11-22T12:00:01.000Z",
        "dlq.last.failure.time": "2026-11-22T12:00:02.500Z",
        "dlq.original.timestamp": "2026-11-22T12:00:00.000Z",
        "dlq.replay.count": "0",
        "dlq.workload": "realtime",
        "dlq.task": "label",
        "dlq.task.version": "9f3c2a1b",
        "dlq.model": "claude-haiku-5-5",
        "dlq.request.id": "req_2",
        "dlq.cost.microusd": "40",
        "dlq.app.version": "0.1.0",
    }


@pytest.mark.parametrize(
    ("key", "value"), [(None, None), (b"", b""), (b"\xff", b"\xff\x00"), (b"evt-1", EVENT)]
)
def test_key_and_value_are_the_original_bytes(key: bytes | None, value: bytes | None) -> None:
    given = letter(key=key, value=value)
    assert (given.key, given.value) == (key, value)


def test_original_headers_are_kept_in_order_before_ours() -> None:
    own = (("traceparent", b"00-1"), ("x", b"1"), ("x", b"\xff"), ("ce_id", b"order-7"))
    given = letter(headers=own)
    assert given.headers[: len(own)] == own


def test_headers_of_our_names_on_the_input_are_replaced() -> None:
    false = (("dlq.task", b"forged"), ("dlq.request.id", b"forged"), ("__dlq.errors.topic", b"x"))
    given = letter(failed(), headers=(*false, ("x", b"1")))
    names = [name for name, _ in given.headers]
    assert len(names) == len(set(names))
    assert "forged" not in facts(given).values()
    assert facts(given)["__dlq.errors.topic"] == "interactions.realtime"


def test_what_is_not_known_is_left_out() -> None:
    unread = Failed(
        disposition=Disposition.UNDECODABLE, failure=failure(stage=Stage.DECODE, message="")
    )
    anybody = origin(task=None, task_version=None, model=None)
    given = facts(dead_letter_message(record(), unread, anybody, TOPIC, "0.1.0"))
    unknown = {
        *("dlq.task", "dlq.task.version", "dlq.model", "dlq.request.id", "__dlq.errors.message"),
        *("dlq.first.failure.time", "dlq.last.failure.time"),
    }
    assert not unknown & given.keys()
    assert given["dlq.cost.microusd"] == given["dlq.attempts.record"] == "0"
    assert given["__dlq.errors.delivery.count"] == "1"


def test_nothing_says_none() -> None:
    anybody = origin(task=None, task_version=None, model=None)
    given = dead_letter_message(record(None, key=None), failed(), anybody, TOPIC, "0.1.0")
    assert not [name for name, value in given.headers if b"None" in value]


@pytest.mark.parametrize("timestamp", [-0.001, 1.7e12, 1.7e15, 1e300])
def test_time_that_no_calendar_knows_is_left_out(timestamp: float) -> None:
    assert "dlq.original.timestamp" not in facts(letter(timestamp=timestamp))


def test_long_messages_are_cut() -> None:
    given = facts(letter(failed(message="\N{EURO SIGN}" * 5000)))
    assert given["__dlq.errors.message"] == "\N{EURO SIGN}" * MAX_MESSAGE_CHARACTERS


def test_letter_id_is_the_same_for_a_redelivery() -> None:
    again = record(b"other", timestamp=0.0, headers=headers(x=b"1"))
    assert letter_id(source_of(again), 0) == letter_id(source_of(record()), 0)


def test_letter_id_differs_by_source_and_replay() -> None:
    ids = {
        letter_id(source_of(record()), 0),
        letter_id(source_of(record()), 1),
        letter_id(source_of(record(offset=42)), 0),
        letter_id(source_of(record(partition=4)), 0),
    }
    assert len(ids) == 4


def test_letter_goes_to_the_partition_of_its_key() -> None:
    assert letter().partition is None


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (WRITTEN_AT + 0.25, "2026-11-22T12:00:00.250Z"),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (-0.001, None),
        (1e15, None),
    ],
)
def test_time_of_writing_is_told_when_there_is_one(timestamp: float, expected: str | None) -> None:
    assert written(timestamp) == expected


def repeat(first: Message, given: Failed = FULL, **changes: Any) -> Message:  # noqa: ANN401 - as above
    """The letter of a replay that failed again."""
    other = origin(task_version="00000000", model="claude-opus-5")
    return dead_letter_message(replayed(first, **changes), given, other, TOPIC, "0.2.0")


def test_repeated_failure_keeps_its_origin_and_adds_up() -> None:
    before, after = facts(letter()), facts(repeat(letter(), offset=7, partition=1))
    kept = ("dlq.first.failure.time", "dlq.original.timestamp")
    places = tuple(f"__dlq.errors.{name}" for name in ("topic", "partition", "offset"))
    assert [after[name] for name in (*kept, *places)] == [before[name] for name in (*kept, *places)]
    counters = ("dlq.attempts.record", "dlq.attempts.dependency", "dlq.cost.microusd")
    assert [after[name] for name in counters] == ["4", "6", "80"]
    assert after["__dlq.errors.delivery.count"] == "4"
    assert (before["dlq.replay.count"], after["dlq.replay.count"]) == ("0", "1")
    assert after["dlq.id"] == letter_id(source_of(record()), 1)


def test_repeated_failure_replaces_what_is_said_of_the_error() -> None:
    now = failed(error_class="Refused", error_type="refusal", message="no", stage=Stage.CALL)
    again = repeat(letter(), now)
    told = facts(again)
    assert (told["dlq.error.class"], told["dlq.error.type"]) == ("Refused", "refusal")
    assert (told["__dlq.errors.message"], told["dlq.stage"]) == ("no", "call")
    assert (told["dlq.task.version"], told["dlq.app.version"]) == ("00000000", "0.2.0")
    assert "dlq.request.id" not in told  # the last failure bought nothing
    assert len(again.headers) == len(told)


def test_marks_of_the_replay_job_do_not_stay() -> None:
    job = ((JOB_HEADER, b"j-1"), (IGNORE_EXPIRY_HEADER, b"true"), ("x-own", b"1"))
    sent = replayed(letter())
    told = facts(repeat(letter(), headers=(*sent.headers, *job)))
    assert {JOB_HEADER, IGNORE_EXPIRY_HEADER} & told.keys() == set()
    assert told["x-own"] == "1"


@pytest.mark.parametrize("odd", [b"", b"many", b"-3", b"1.5", b"\xff", b"9" * 5000])
def test_counter_of_a_letter_that_is_no_number_counts_nothing(odd: bytes) -> None:
    sent = replayed(letter())
    given = (*sent.headers, ("dlq.attempts.record", odd))
    assert facts(repeat(letter(), headers=given))["dlq.attempts.record"] == "2"


def test_counters_of_an_input_are_not_added() -> None:
    forged = headers(**{"dlq.attempts.record": b"9", "dlq.cost.microusd": b"9"})
    told = facts(letter(headers=forged))
    assert (told["dlq.attempts.record"], told["dlq.cost.microusd"]) == ("2", "40")


def test_deliveries_that_ended_with_a_death_count() -> None:
    died = Failed(
        disposition=Disposition.OUTPUT_INVALID,
        failure=failure(),
        progress=progress(deliveries=3, record_attempts=2),
    )
    assert facts(letter(died))["__dlq.errors.delivery.count"] == "4"
