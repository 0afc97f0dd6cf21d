from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from schemas.base import OutputModel
from schemas.dead_letter import LETTER_HEADERS, Disposition
from schemas.outcome import Progress
from schemas.results import Result
from schemas.usage import Usage
from schemas.workload import WORKLOADS, WorkloadClass
from tests.builders import reply

ENVELOPE = [
    *("id", "task", "task_version", "workload", "output", "model", "stop_reason", "request_id"),
    *("attempts", "repaired", "late", "usage", "cost_microusd", "timing", "source"),
    "completed_at",
]
GIVEN: dict[str, Any] = {
    "id": "evt-1",
    "task": "triage",
    "task_version": "9f3c2a1b",
    "workload": WorkloadClass.REALTIME,
    "output": {"label": "bug"},
    "model": "claude-haiku-5-5",
    "stop_reason": "end_turn",
    "request_id": None,
    "attempts": 1,
    "repaired": False,
    "late": False,
    "usage": Usage(),
    "cost_microusd": 3,
    "timing": {"queued_ms": 0.5, "claude_ms": 2.0, "total_ms": 3.0},
    "source": {"topic": "interactions.realtime", "partition": 0, "offset": 0},
    "completed_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
}


class Score(OutputModel):
    value: float


def test_result_has_the_fields_of_the_contract_in_order() -> None:
    written = orjson.loads(Result(**GIVEN).model_dump_json())
    assert list(written)[: len(ENVELOPE)] == ENVELOPE
    assert written["workload"] == "realtime"
    assert written["completed_at"] == "2026-11-22T12:00:00Z"


def test_result_reads_back_what_it_wrote() -> None:
    result = Result(**GIVEN)
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_result_without_a_request_id_says_so() -> None:
    with pytest.raises(ValidationError):
        Result(**{name: value for name, value in GIVEN.items() if name != "request_id"})


@pytest.mark.parametrize("text", ['{"value":NaN}', '{"value":Infinity}', '{"value":-Infinity}'])
def test_output_takes_no_number_that_json_does_not_have(text: str) -> None:
    with pytest.raises(ValidationError):
        Score.model_validate_json(text)


def test_dispositions_are_written_as_they_are_named() -> None:
    assert all(disposition.value == disposition.name for disposition in Disposition)
    assert len(Disposition) == 12


@pytest.mark.parametrize("name", ["dlq.id", "dlq.error.class", "__dlq.errors.topic"])
def test_dead_letter_headers_are_known(name: str) -> None:
    assert name in LETTER_HEADERS


@pytest.mark.parametrize(
    "name", ["ce_id", "traceparent", "dlq", "x-dlq.id", "errors.topic", "dlq.ours"]
)
def test_headers_of_others_are_left_alone(name: str) -> None:
    assert name not in LETTER_HEADERS


def test_earlier_classes_go_first_and_promise_more() -> None:
    rows = [WORKLOADS[workload] for workload in WorkloadClass]
    assert [row.priority for row in rows] == [0, 1, 2, 3]
    assert [row.deadline_s for row in rows] == [5, 10, 300, 86_400]
    assert [row.timeout_s for row in rows] == [30, 60, 120, 600]
    assert [row.event for row in rows] == ["interaction", "interaction", "document", "document"]


def test_progress_sums_over_all_answers_bought() -> None:
    one = reply(usage=Usage(input_tokens=5, output_tokens=2), cost_nanousd=600)
    progress = Progress(replies=(one, one))
    assert progress.usage == Usage(input_tokens=10, output_tokens=4)
    assert progress.cost_nanousd == 1200


def test_progress_of_nothing_is_nothing() -> None:
    assert (Progress().usage, Progress().cost_nanousd, Progress().claude_s) == (Usage(), 0, 0)
