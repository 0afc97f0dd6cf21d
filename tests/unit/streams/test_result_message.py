from typing import Any

import orjson
import pytest

from schemas.results import Delta, Result
from schemas.usage import Usage
from streams.envelope import dead_letter_message, delta_message, result_message, rfc3339
from streams.record import Message
from streams.source import result_id, source_of
from tests.builders import GOOD, reply
from tests.stream_builders import (
    completed,
    ending,
    facts,
    failed,
    headers,
    origin,
    record,
    replayed,
)

TOPIC = "results.realtime"
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def message(**changes: Any) -> Message:  # noqa: ANN401 - fields of a record
    return result_message(record(**changes), completed(), origin(), ending(), TOPIC)


def parsed(given: Message) -> Result:
    return Result.model_validate_json(given.value or b"")


def test_result_parses_and_says_where_it_comes_from() -> None:
    result = parsed(message())
    assert (result.id, result.task, result.task_version) == ("evt-1", "label", "9f3c2a1b")
    assert result.source.model_dump() == {
        "topic": "interactions.realtime",
        "partition": 3,
        "offset": 41,
    }
    assert result.output == orjson.loads(GOOD)
    assert result.completed_at.isoformat() == "2026-11-22T12:00:00.500000+00:00"


def test_result_says_what_the_last_answer_was_and_what_all_cost() -> None:
    first = reply("{}", request_id="req_1", stop_reason="max_tokens", cost_nanousd=400)
    second = reply(GOOD, request_id="req_2", cost_nanousd=200)
    done = completed(replies=(first, second), calls=5, problems=("score: missing",))
    result = parsed(result_message(record(), done, origin(), ending(late=True), TOPIC))
    assert (result.request_id, result.stop_reason) == ("req_2", "end_turn")
    assert (result.attempts, result.repaired, result.late) == (5, True, True)
    assert result.usage == Usage(input_tokens=200, output_tokens=40)
    assert result.cost_microusd == 1  # 600 nano-dollars, rounded once


def test_result_names_the_context_that_was_missing() -> None:
    done = completed(context_missing=("history",))
    result = parsed(result_message(record(), done, origin(), ending(), TOPIC))
    assert result.context_missing == ("history",)


def test_headers_are_those_of_the_contract() -> None:
    given = message(headers=(("traceparent", TRACE), ("ce_type", b"other"), ("x-own", b"1")))
    assert facts(given) == {
        "ce_specversion": "1.0",
        "ce_id": result_id(source_of(record()), "label"),
        "ce_type": "headrace.result.label",
        "ce_source": "/headrace/realtime",
        "ce_time": "2026-11-22T12:00:00.500Z",
        "content-type": "application/json",
        "traceparent": TRACE.decode(),
    }
    assert len(given.headers) == len(facts(given))


def test_trace_is_left_out_when_there_is_none() -> None:
    assert "traceparent" not in facts(message())


@pytest.mark.parametrize("key", [None, b"", b"evt-1", b"\xff\x00"])
def test_result_has_the_key_of_its_event(key: bytes | None) -> None:
    assert message(key=key).key == key


def test_result_id_is_the_same_for_a_redelivery() -> None:
    again = record(timestamp=0.0, key=None, value=b"{}", headers=headers(x=b"1"))
    assert result_id(source_of(again), "label") == result_id(source_of(record()), "label")


def test_result_id_differs_by_source_and_task() -> None:
    ids = {
        result_id(source_of(record()), "label"),
        result_id(source_of(record()), "other"),
        result_id(source_of(record(offset=42)), "label"),
        result_id(source_of(record(partition=4)), "label"),
        result_id(source_of(record(topic="interactions.interactive")), "label"),
    }
    assert len(ids) == 5


def test_nothing_says_none() -> None:
    done = completed(replies=(reply(request_id=None),))
    given = result_message(record(key=None), done, origin(), ending(), TOPIC)
    assert b"None" not in (given.value or b"")
    assert not [value for _, value in given.headers if b"None" in value]
    assert parsed(given).request_id is None


def test_delta_is_a_piece_of_an_answer_under_the_key_of_its_event() -> None:
    delta = Delta(
        id="evt-1", task="assist", attempt=1, sequence=2, text="Hello \N{BLACK HEART SUIT}"
    )
    given = delta_message(record(), delta, "results.interactive.deltas")
    assert given.key == b"evt-1"
    assert Delta.model_validate_json(given.value or b"") == delta
    assert facts(given) == {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1795348800.0, "2026-11-22T12:00:00.000Z"),
        (1795348800.123, "2026-11-22T12:00:00.123Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(timestamp: float, text: str) -> None:
    assert rfc3339(timestamp) == text


def test_result_of_a_replay_names_the_first_source() -> None:
    letter = dead_letter_message(record(), failed(), origin(), "dlq.headrace.realtime", "0.1.0")
    again = replayed(letter, offset=7, partition=1)
    given = result_message(again, completed(), origin(), ending(), TOPIC)
    assert parsed(given).source == parsed(message()).source
    assert facts(given) == facts(message())
