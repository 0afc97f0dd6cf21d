from dataclasses import replace
from typing import Any

import orjson
import pytest

from schemas.dead_letter import Disposition
from streams.audit.trace import (
    AHEAD,
    PASSED,
    Kind,
    Unreadable,
    letter_trace,
    replay_trace,
    result_trace,
)
from streams.envelope import dead_letter_message, result_message
from streams.record import Message, Record
from streams.source import Source, letter_id, result_id
from tests.stream_builders import (
    INPUT,
    WRITTEN_AT,
    completed,
    ending,
    failed,
    headers,
    origin,
    record,
)

SOURCE = Source(topic=INPUT, partition=3, offset=41)


def read(message: Message, **changes: Any) -> Record:  # noqa: ANN401 - any field of a record
    place = {"topic": message.topic, "partition": 1, "offset": 9}
    return record(message.value, headers=message.headers, **place | changes)


def result(app: str = "headrace") -> Record:
    return read(result_message(record(), completed(), origin(app=app), ending(), "results"))


def letter(disposition: Disposition = Disposition.REFUSED, **changes: Any) -> Record:  # noqa: ANN401
    return read(
        dead_letter_message(record(), failed(disposition), origin(), "dlq", "0.1.0"), **changes
    )


def replayed(**changes: bytes) -> Record:
    count = {"dlq.replay.count": b"1"} | changes
    sent = letter()
    kept = tuple(pair for pair in sent.headers if pair[0] not in count)
    return replace(sent, headers=kept + headers(**count))


def test_result_tells_its_source_and_id() -> None:
    found = result_trace(result(), "headrace")
    assert found
    source, trace = found
    assert source == SOURCE
    assert (trace.kind, trace.mark) == (Kind.RESULT, result_id(SOURCE, "label"))
    assert (trace.replays, trace.at, trace.copies) == (0, WRITTEN_AT, 1)


def test_result_of_another_application_is_none_of_ours() -> None:
    assert result_trace(result("shop"), "headrace") is None
    assert result_trace(result("headrace-2"), "headrace") is None


def test_result_that_names_no_maker_is_ours() -> None:
    assert result_trace(replace(result(), headers=()), "headrace")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"7",
        b"{}",
        b'{"source": null}',
        b'{"source": {"topic": "t", "partition": 0}}',
        b'{"source": {"topic": "t", "partition": 0, "offset": "x"}}',
        b'{"source": {"topic": "t", "partition": 0, "offset": -1}}',
        orjson.dumps({"source": {"topic": "t", "partition": 0, "offset": 2**63}}),
    ],
)
def test_result_without_a_source_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        result_trace(replace(result(), value=body), "headrace")


@pytest.mark.parametrize("kind", [Kind.LETTER, Kind.PARKED])
def test_letter_tells_its_source_and_what_went_wrong(kind: Kind) -> None:
    source, trace = letter_trace(letter(), kind)
    assert source == SOURCE
    assert trace.kind is kind
    assert trace.mark == f"REFUSED {letter_id(SOURCE, 0)}"
    assert letter_trace(letter(Disposition.TRUNCATED), kind)[1].mark != trace.mark


def test_same_letter_at_another_place_and_time_is_the_same() -> None:
    again = letter(offset=77, timestamp=WRITTEN_AT + 5)
    assert letter_trace(again, Kind.LETTER)[1].mark == letter_trace(letter(), Kind.LETTER)[1].mark


def test_letter_without_a_source_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        letter_trace(replace(letter(), headers=()), Kind.LETTER)


@pytest.mark.parametrize(("passed", "mark"), [(True, PASSED), (False, AHEAD)])
def test_replay_tells_its_first_source(passed: bool, mark: str) -> None:  # noqa: FBT001
    found = replay_trace(replayed(), passed=passed)
    assert found
    source, trace = found
    assert source == SOURCE
    assert (trace.kind, trace.replays, trace.mark) == (Kind.REPLAY, 1, mark)


def test_record_that_is_no_replay_has_no_trace() -> None:
    assert replay_trace(record(), passed=False) is None
    assert replay_trace(letter(), passed=False) is None


def test_headers_that_do_not_fit_together_are_not_believed() -> None:
    assert replay_trace(replayed(**{"dlq.id": b"forged"}), passed=False) is None


def test_replay_of_a_place_that_cannot_be_is_none() -> None:
    far = replace(SOURCE, offset=2**63)
    forged = {"__dlq.errors.offset": str(2**63).encode(), "dlq.id": letter_id(far, 0).encode()}
    assert replay_trace(replayed(**forged), passed=False) is None


def test_trace_reads_as_a_sentence() -> None:
    assert str(letter_trace(letter(), Kind.LETTER)[1]).startswith("dead letter REFUSED ")
    [_, trace] = replay_trace(replayed(), passed=True) or ()
    assert str(trace) == "replay passed after replay 1"
