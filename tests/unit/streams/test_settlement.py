import asyncio

import pytest

from schemas.claim import LetterMark
from schemas.dead_letter import Disposition
from schemas.observation import Settled
from schemas.outcome import Failed
from schemas.results import Result
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message
from streams.outbox import SHORT_TEXT_BYTES
from streams.record import Record
from streams.settlement import Settlement
from tests.builders import work
from tests.fakes import ManualClock, Recorder, until
from tests.stream_builders import (
    INPUT,
    WRITTEN_AT,
    address,
    completed,
    event,
    facts,
    failed,
    origin,
    record,
    replayed,
)
from tests.stream_fakes import MemoryOutbox, size_bytes

RESULTS, LETTERS = address().results, address().letters
READ_AT = 1000.0
WORK = work(deadline=WRITTEN_AT + 5)


class Desk:
    """A settlement, its broker and who listens; a record was read two seconds ago."""

    def __init__(self, outbox: MemoryOutbox | None = None) -> None:
        self.outbox, self.seen = outbox or MemoryOutbox(), Recorder()
        self.wall = ManualClock(WRITTEN_AT + 2)
        self.settlement = Settlement(
            address(), self.outbox, self.seen, clock=ManualClock(READ_AT + 2), wall=self.wall
        )

    @property
    def settled(self) -> list[Settled]:
        return self.seen.of(Settled)


async def test_result_is_published_and_told() -> None:
    desk = Desk()
    await desk.settlement.complete(record(), WORK, completed(), READ_AT)
    (message,) = desk.outbox.topics[RESULTS]
    result = Result.model_validate_json(message.value or b"")
    assert (result.id, result.task, result.late) == ("evt-1", "label", False)
    assert result.task_version == WORK.task.version
    assert result.completed_at.timestamp() == WRITTEN_AT + 2
    assert desk.settled == [
        Settled(
            workload=WorkloadClass.REALTIME, task="label", disposition=None, late=False, seconds=2.0
        )
    ]


async def test_timing_tells_queue_calls_and_all() -> None:
    desk = Desk()
    done = completed(claude_s=0.75)  # more than the answered call took: others failed before it
    await desk.settlement.complete(record(), WORK, done, READ_AT)
    result = Result.model_validate_json(desk.outbox.topics[RESULTS][0].value or b"")
    timing = result.timing
    assert done.progress.replies[0].duration_s == 0.5
    assert (timing.queued_ms, timing.claude_ms, timing.total_ms) == (250.0, 750.0, 2000.0)


async def test_answer_from_before_the_read_was_never_queued() -> None:
    desk = Desk()
    done = completed(first_call_at=READ_AT - 7)
    await desk.settlement.complete(record(), WORK, done, READ_AT)
    result = Result.model_validate_json(desk.outbox.topics[RESULTS][0].value or b"")
    assert result.timing.queued_ms == 0.0


@pytest.mark.parametrize(("seconds", "late"), [(4.9, False), (5.0, False), (5.1, True)])
async def test_late_is_past_the_deadline(seconds: float, *, late: bool) -> None:
    desk = Desk()
    desk.wall.now = WRITTEN_AT + seconds
    await desk.settlement.complete(record(), WORK, completed(), READ_AT)
    await desk.settlement.fail(record(), failed(), WORK, READ_AT)
    assert Result.model_validate_json(desk.outbox.topics[RESULTS][0].value or b"").late is late
    assert [fact.late for fact in desk.settled] == [late, late]


async def test_dead_letter_is_published_and_told() -> None:
    desk = Desk()
    await desk.settlement.fail(record(), failed(Disposition.REFUSED), WORK, READ_AT)
    (letter,) = desk.outbox.topics[LETTERS]
    told = facts(letter)
    assert (told["dlq.disposition"], told["dlq.task"]) == ("REFUSED", "label")
    assert told["dlq.app.version"] == "0.1.0"
    assert [fact.disposition for fact in desk.settled] == [Disposition.REFUSED]


async def test_unread_record_has_no_task_and_is_never_late() -> None:
    desk = Desk()
    desk.wall.now = WRITTEN_AT + 1e6
    await desk.settlement.fail(record(None), failed(Disposition.UNDECODABLE), None, READ_AT)
    (letter,) = desk.outbox.topics[LETTERS]
    assert "dlq.task" not in facts(letter)
    assert [(fact.task, fact.late) for fact in desk.settled] == [("", False)]


async def test_result_that_is_too_large_becomes_a_dead_letter() -> None:
    desk = Desk(MemoryOutbox({RESULTS: 100}))
    done = completed()
    refused = await desk.settlement.complete(record(), WORK, done, READ_AT)
    assert isinstance(refused, Failed)
    assert (desk.outbox.topics[RESULTS], desk.settled) == ([], [])
    await desk.settlement.fail(record(), refused, WORK, READ_AT)
    (letter,) = desk.outbox.topics[LETTERS]
    told = facts(letter)
    assert (told["dlq.disposition"], told["dlq.stage"]) == ("TOO_LARGE", "publish")
    assert told["dlq.error.type"] == "max.message.bytes"
    assert told["dlq.request.id"] == "req_1"
    assert told["dlq.cost.microusd"] == "20"
    assert told["dlq.first.failure.time"] == told["dlq.last.failure.time"]
    assert told["dlq.last.failure.time"] == "2026-11-22T12:00:02.000Z"
    assert [fact.disposition for fact in desk.settled] == [Disposition.TOO_LARGE]


async def test_letter_that_is_too_large_loses_the_tail_of_its_text() -> None:
    plain = MemoryOutbox()
    wordy = failed(message="\N{EURO SIGN}" * 2000)
    await Desk(plain).settlement.fail(record(), wordy, WORK, READ_AT)
    desk = Desk(MemoryOutbox({LETTERS: size_bytes(plain.topics[LETTERS][0]) - 1}))
    await desk.settlement.fail(record(), wordy, WORK, READ_AT)
    (letter,) = desk.outbox.topics[LETTERS]
    text = facts(letter)["__dlq.errors.message"]  # decodes: no half character at the end
    assert text == "\N{EURO SIGN}" * (SHORT_TEXT_BYTES // 3)
    assert facts(letter) | {"__dlq.errors.message": ""} == facts(plain.topics[LETTERS][0]) | {
        "__dlq.errors.message": ""
    }


async def test_letter_that_no_cut_makes_fit_is_held_and_never_dropped() -> None:
    desk = Desk(MemoryOutbox({LETTERS: 10}))
    given = record(event(text="x" * 100))
    task = asyncio.create_task(desk.settlement.fail(given, failed(), WORK, READ_AT))
    await until(lambda: desk.outbox.refused == 2)
    assert not task.done()
    assert not desk.settled
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert not desk.settled


async def test_nothing_is_told_before_the_broker_has_it() -> None:
    desk = Desk()
    desk.outbox.open.clear()
    task = asyncio.create_task(desk.settlement.complete(record(), WORK, completed(), READ_AT))
    await until(lambda: desk.outbox.waiting == 1)
    assert not desk.settled
    desk.outbox.open.set()
    await task
    assert len(desk.settled) == 1


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        pytest.param({INPUT: 8, RESULTS: 8}, 3, id="equal"),
        pytest.param({INPUT: 8, RESULTS: 4}, None, id="different"),
        pytest.param({}, None, id="unknown"),
    ],
)
async def test_partition_is_kept_when_the_counts_agree(
    partitions: dict[str, int], expected: int | None
) -> None:
    desk = Desk(MemoryOutbox(partitions=partitions))
    await desk.settlement.complete(record(partition=3), WORK, completed(), READ_AT)
    assert desk.outbox.topics[RESULTS][0].partition == expected


def replay(times: int = 1) -> Record:
    """The record of the builders, whose letter is sent again for the nth time."""
    given = record()
    for _ in range(times):
        given = replayed(dead_letter_message(given, failed(), origin(), LETTERS, "0.1.0"))
    return given


def mark(replays: int, *, is_open: bool) -> LetterMark:
    source = f"{INPUT}:3:41"
    return LetterMark(
        workload=WorkloadClass.REALTIME, source=source, replays=replays, is_open=is_open
    )


async def test_marks_tell_what_became_of_a_letter() -> None:
    settlement = Desk().settlement
    assert await settlement.complete(record(), WORK, completed(), READ_AT) is None
    assert await settlement.fail(record(), failed(), WORK, READ_AT) == mark(0, is_open=True)
    done = await settlement.complete(replay(), WORK, completed(), READ_AT)
    assert done == mark(1, is_open=False)
    assert await settlement.fail(replay(), failed(), WORK, READ_AT) == mark(1, is_open=True)
    assert await settlement.fail(replay(2), failed(), WORK, READ_AT) == mark(2, is_open=False)


async def test_result_that_cannot_be_built_is_a_failure_and_no_crash_loop() -> None:
    desk = Desk()
    refused = await desk.settlement.complete(record(), WORK, completed(replies=()), READ_AT)
    assert isinstance(refused, Failed)
    assert refused.disposition is Disposition.ATTEMPTS_EXHAUSTED
    assert (refused.failure.stage, refused.failure.error_class) == ("publish", "IndexError")
    assert desk.settled == []


async def test_last_replay_that_fails_is_parked_and_told_so() -> None:
    desk = Desk()
    await desk.settlement.fail(replay(2), failed(Disposition.TRUNCATED), WORK, READ_AT)
    assert desk.outbox.topics[LETTERS] == []
    told = facts(desk.outbox.topics[address().parked][0])
    assert (told["dlq.disposition"], told["dlq.error.type"]) == ("REPLAY_CAP", "TRUNCATED")
    assert [fact.outcome for fact in desk.settled] == ["parked"]


async def test_refused_letter_waits_and_blocks_nobody() -> None:
    desk = Desk(MemoryOutbox({LETTERS: 10}))
    task = asyncio.create_task(desk.settlement.fail(record(), failed(), WORK, READ_AT))
    await until(lambda: desk.outbox.refused == 2)
    assert (desk.settlement.blocked, desk.settlement.waits) == (False, True)
    task.cancel()
    await asyncio.wait([task], timeout=5)


@pytest.mark.parametrize(
    ("topic", "blocked"),
    [
        pytest.param(RESULTS, True, id="results"),
        pytest.param(LETTERS, True, id="letters"),
        pytest.param(address().parked, True, id="parked"),
        pytest.param(address().deltas, False, id="deltas, which promise nothing"),
        pytest.param("results.batch", False, id="another class"),
    ],
)
def test_topic_that_takes_nothing_blocks_its_class(topic: str, *, blocked: bool) -> None:
    desk = Desk()
    assert not desk.settlement.blocked
    desk.outbox.away[topic] = "TopicAuthorizationFailedError"
    assert desk.settlement.blocked is blocked
    assert desk.settlement.waits is blocked


async def test_result_of_a_replay_goes_beside_its_source() -> None:
    desk = Desk(MemoryOutbox(partitions={INPUT: 8, RESULTS: 8}))
    given = replayed(
        dead_letter_message(record(partition=6), failed(), origin(), LETTERS, "0.1.0"), partition=1
    )
    await desk.settlement.complete(given, WORK, completed(), READ_AT)
    assert desk.outbox.topics[RESULTS][0].partition == 6


async def test_partition_that_is_no_more_is_nobodys() -> None:
    desk = Desk(MemoryOutbox(partitions={INPUT: 2, RESULTS: 2}))
    await desk.settlement.complete(replay(), WORK, completed(), READ_AT)
    assert desk.outbox.topics[RESULTS][0].partition is None
