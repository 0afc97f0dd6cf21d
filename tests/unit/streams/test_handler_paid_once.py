"""A record that comes again uses what was bought for it."""

from typing import Any

import pytest

from agents.claude.retry import Retry
from schemas.dead_letter import Disposition
from schemas.results import Result
from tests.builders import reply, task
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import event, facts, failure, record
from tests.stream_crew import Crew
from tests.stream_fakes import CallingPipeline, MemoryProcessor

BAD = reply('{"label":"bag","score":3}', request_id="req_bad")
CUT = reply('{"label":', stop_reason="max_tokens")
OUTAGE = Retry(after_s=3600, reason="outage", failure=failure())
RECORD = record(event(id="a"), offset=5)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def buys(crew: Crew, *script: Any, **options: Any) -> MemoryProcessor:  # noqa: ANN401 - as given
    """A worker that buys all of its script, and dies before it could publish an end."""
    worker = crew.worker(CallingPipeline(*script), **options)
    worker.outbox.open.clear()
    await worker.redeliver(RECORD)
    held = isinstance(script[-1], Retry)
    await until(lambda: worker.runner.held == {"outage": 1} if held else worker.outbox.waiting == 1)
    assert worker.conservation_delta == 0
    return worker


def calls(worker: MemoryProcessor) -> list[Any]:
    assert isinstance(worker.pipeline, CallingPipeline)
    return worker.pipeline.calls.requests


def result(worker: MemoryProcessor) -> Result:
    (message,) = worker.results()
    return Result.model_validate_json(message.value or b"")


async def test_answer_bought_before_is_published_without_a_call(crew: Crew) -> None:
    await buys(crew, reply())
    heir = crew.worker(CallingPipeline())
    await heir.redeliver(RECORD)
    await until(lambda: heir.committed == 6)
    assert calls(heir) == []
    assert (result(heir).attempts, result(heir).request_id) == (1, "req_1")
    assert (result(heir).cost_microusd, result(heir).timing.claude_ms) == (20, 500)
    assert heir.conservation_delta == 0


async def test_repair_is_bought_once_only(crew: Crew) -> None:
    await buys(crew, BAD, OUTAGE)
    second = await buys(crew, reply())
    (asked,) = calls(second)
    assert [turn.role for turn in asked.turns] == ["user", "assistant", "user"]
    assert asked.turns[1].text == BAD.text
    third = crew.worker(CallingPipeline())
    await third.redeliver(RECORD)
    await until(lambda: third.committed == 6)
    assert calls(third) == []
    assert (result(third).attempts, result(third).repaired) == (2, True)
    assert result(third).cost_microusd == 40


async def test_truncated_answer_is_asked_again_with_twice_the_room(crew: Crew) -> None:
    await buys(crew, CUT, OUTAGE)
    second = await buys(crew, reply())
    (asked,) = calls(second)
    assert asked.max_output_tokens == 100
    third = crew.worker(CallingPipeline())
    await third.redeliver(RECORD)
    await until(lambda: third.committed == 6)
    assert (calls(third), result(third).attempts) == ([], 2)


async def test_truncated_and_then_invalid_goes_on_with_the_third_turn(crew: Crew) -> None:
    await buys(crew, CUT, BAD, OUTAGE)
    heir = crew.worker(CallingPipeline(reply()))
    await heir.redeliver(RECORD)
    await until(lambda: heir.committed == 6)
    (asked,) = calls(heir)
    assert (asked.max_output_tokens, len(asked.turns)) == (100, 3)
    assert result(heir).attempts == 3


async def test_two_invalid_answers_are_a_dead_letter_without_a_call(crew: Crew) -> None:
    await buys(crew, BAD, BAD)
    heir = crew.worker(CallingPipeline())
    await heir.redeliver(RECORD)
    await until(lambda: heir.committed == 6)
    told = facts(heir.letters()[0])
    assert (calls(heir), told["dlq.disposition"]) == ([], Disposition.OUTPUT_INVALID)
    assert (told["dlq.attempts.record"], told["dlq.cost.microusd"]) == ("2", "40")
    assert told["__dlq.errors.delivery.count"] == "3"  # two tries, and a worker died


async def test_answer_to_another_version_of_the_task_is_bought_again(crew: Crew) -> None:
    other = task(name="other", instructions="Name it.")
    newer = task(name="other", instructions="Name it better.")
    asks = record(event(id="a", task="other"), offset=7)
    first = crew.worker(CallingPipeline(BAD, OUTAGE), other)
    await first.redeliver(asks)
    await until(lambda: first.runner.held == {"outage": 1})
    heir = crew.worker(CallingPipeline(reply()), newer)
    await heir.redeliver(asks)
    await until(lambda: heir.committed == 8)
    assert [len(asked.turns) for asked in calls(heir)] == [1]
    assert (result(heir).attempts, result(heir).cost_microusd) == (1, 20)


async def test_clean_stop_buys_nothing_twice_and_counts_no_delivery(crew: Crew) -> None:
    first = await buys(crew, BAD, OUTAGE)
    assert await first.runner.drain(0) == 1
    await first.claims.stop()
    heir = crew.worker(CallingPipeline(reply()))
    await heir.redeliver(RECORD)
    await until(lambda: heir.committed == 6)
    assert [len(asked.turns) for asked in calls(heir)] == [3]
    assert heir.pipeline.progress[0].deliveries == 1  # type: ignore[union-attr] # never None here


async def test_answer_is_kept_before_it_is_judged(crew: Crew) -> None:
    worker = crew.worker(CallingPipeline(reply()))
    worker.pipeline.hold_back("a")
    await worker.redeliver(RECORD)
    await until(lambda: worker.pipeline.runs == ["a"])
    crew.store.open.clear()
    worker.pipeline.let_go("a")
    await until(lambda: bool(crew.store.pages[-1].answers))
    assert worker.results() == []
    crew.store.open.set()
    await until(lambda: worker.committed == 6)


async def test_what_was_bought_while_the_store_was_away_is_there_when_it_is_back(
    crew: Crew,
) -> None:
    crew.store.leave_us()
    first = await buys(crew, reply())
    crew.store.come_back()
    await until(lambda: "alone" not in repr(first.claims))
    heir = crew.worker(CallingPipeline())
    await heir.redeliver(RECORD)
    await until(lambda: heir.committed == 6)
    assert (calls(heir), result(heir).output) == ([], {"label": "bug", "score": 3})
