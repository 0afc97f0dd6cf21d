import pytest

from agents.catalog import Catalog
from agents.pipeline import Work
from agents.task import Task
from schemas.dead_letter import IGNORE_EXPIRY_HEADER, Disposition, Stage
from schemas.outcome import Failed
from schemas.sections import Classes, RealtimeSettings
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message
from streams.reader import Reader
from streams.record import Record
from tests.builders import task
from tests.stream_builders import (
    WRITTEN_AT,
    catalog,
    event,
    failed,
    headers,
    origin,
    record,
    replayed,
)

NOW = WRITTEN_AT + 2
TASKS = catalog(task(name="other"), task(name="extract", workload=WorkloadClass.BATCH))


def reader(**settings: float) -> Reader:
    own = RealtimeSettings.model_validate(settings)
    return Reader(WorkloadClass.REALTIME, own, TASKS, 1000, lambda: NOW)


def work(given: Record, **settings: float) -> Work:
    found = reader(**settings).read(given)
    assert isinstance(found, Work)
    return found


def failure(given: Record) -> Failed:
    found = reader().read(given)
    assert isinstance(found, Failed)
    return found


def test_event_without_a_task_gets_the_default_one() -> None:
    assert work(record()).task.name == "label"


def test_event_gets_the_task_that_it_names() -> None:
    assert work(record(event(task="other"))).task.name == "other"


def test_cloud_event_type_counts_when_such_a_task_exists() -> None:
    assert work(record(headers=headers(ce_type=b"other"))).task.name == "other"


@pytest.mark.parametrize("kind", [b"com.example.message", b"", b"\xff"])
def test_other_cloud_event_types_mean_the_default_task(kind: bytes) -> None:
    assert work(record(headers=headers(ce_type=kind))).task.name == "label"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(record(event(task="nobody")), id="no such task"),
        pytest.param(record(event(task="extract")), id="a task of another class"),
        pytest.param(record(event(task="")), id="an empty name"),
        pytest.param(record(headers=headers(ce_type=b"extract")), id="a type of another class"),
    ],
)
def test_task_that_the_class_does_not_have_is_unknown(given: Record) -> None:
    found = failure(given)
    assert found.disposition is Disposition.UNKNOWN_TASK
    assert found.failure.stage is Stage.DECODE
    assert found.failure.message.startswith("no task ")


def test_class_without_a_default_task_says_so() -> None:
    own = Reader(WorkloadClass.BATCH, RealtimeSettings(), TASKS, 1000)
    found = own.read(record(b'{"id":"doc-1","text":"hi"}'))
    assert isinstance(found, Failed)
    assert found.disposition is Disposition.UNKNOWN_TASK
    assert found.failure.message == "no default task in class batch"


def test_unreadable_record_fails_now_and_once() -> None:
    found = failure(record(None))
    assert found.disposition is Disposition.UNDECODABLE
    assert found.progress.record_attempts == 1
    assert found.progress.first_failed_at == found.progress.last_failed_at == NOW


class Broken(Catalog):
    """A catalog with a bug, whose words repeat the event."""

    def find(self, workload: WorkloadClass, name: str | None) -> Task | None:
        raise ZeroDivisionError(f"my card is lost: {workload} {name}")


def test_bug_while_reading_is_a_failure_without_the_words() -> None:
    own = Reader(
        WorkloadClass.REALTIME, RealtimeSettings(), Broken((), Classes()), 1000, lambda: NOW
    )
    found = own.read(record())
    assert isinstance(found, Failed)
    assert found.disposition is Disposition.UNDECODABLE
    assert found.failure.stage is Stage.DECODE
    assert found.failure.error_type == "ZeroDivisionError"
    assert "bug" in found.failure.message
    assert "my card" not in found.failure.message
    assert found.progress.first_failed_at == NOW


def test_deadline_counts_from_the_time_of_writing() -> None:
    assert work(record(), deadline_s=5).place.deadline == WRITTEN_AT + 5


@pytest.mark.parametrize("no_time", [-0.001, 0.0])
def test_record_without_a_time_was_written_now(no_time: float) -> None:
    assert work(record(timestamp=no_time), deadline_s=5).place.deadline == NOW + 5


def test_nothing_expires_unless_asked() -> None:
    assert work(record()).place.expires_at is None


def test_earlier_of_both_expiries_counts() -> None:
    minute = record(event(expires_at="2026-11-22T12:01:00Z"))
    assert work(minute).place.expires_at == WRITTEN_AT + 60
    assert work(minute, expire_after_s=30).place.expires_at == WRITTEN_AT + 30
    assert work(minute, expire_after_s=90).place.expires_at == WRITTEN_AT + 60


def again(given: Record, **more: bytes) -> Record:
    """The replay of a record's letter, an hour later."""
    letter = dead_letter_message(given, failed(), origin(), "dlq.headrace.realtime", "0.1.0")
    sent = replayed(letter)
    return replayed(letter, headers=(*sent.headers, *more.items()))


def test_replay_has_the_lowest_rank_and_its_times_begin_anew() -> None:
    place = work(again(record()), deadline_s=5, expire_after_s=30).place
    assert place.replay
    assert (place.deadline, place.expires_at) == (WRITTEN_AT + 3605, WRITTEN_AT + 3630)
    assert not work(record()).place.replay


def test_expiry_of_an_event_counts_for_its_replay_unless_that_says_otherwise() -> None:
    minute = record(event(expires_at="2026-11-22T12:01:00Z"))
    ignoring = again(minute, **{IGNORE_EXPIRY_HEADER: b"true"})
    assert work(again(minute), expire_after_s=30).place.expires_at == WRITTEN_AT + 60
    assert work(ignoring, expire_after_s=30).place.expires_at is None
    refusing = again(minute, **{IGNORE_EXPIRY_HEADER: b"false"})
    assert work(refusing).place.expires_at == WRITTEN_AT + 60


def test_expiry_is_not_ignored_for_an_event_that_only_says_so() -> None:
    said = headers(**{IGNORE_EXPIRY_HEADER: b"true", "dlq.replay.count": b"1"})
    minute = record(event(expires_at="2026-11-22T12:01:00Z"), headers=said)
    assert work(minute).place.expires_at == WRITTEN_AT + 60
    assert not work(minute).place.replay
