"""While most records fail there are no dead letters, and one record in a while is tried."""

import asyncio
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from schemas.observation import Received, Released
from streams.flood import TRIAL_S
from tests.builders import reply
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import completed, event, failed, record
from tests.stream_crew import Crew, nothing_happens
from tests.stream_fakes import CallingPipeline, MemoryProcessor, ScriptedPipeline

# A processor's breaker trips at the tenth end when half of them are dead.
TRIP = 10
BAD = reply('{"label":"bag","score":3}')


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def flooded(crew: Crew, more: int = 0, **script: list[Any]) -> MemoryProcessor:
    """A worker whose first records all failed, and the last of them is held."""
    names = [f"f-{number}" for number in range(TRIP + more)]
    fails = {name: [failed(), failed(), completed()] for name in names}
    worker = crew.worker(ScriptedPipeline(fails | script))
    for offset, name in enumerate(names):
        await worker.feed(name, offset)
    await until(lambda: worker.runner.held == {"breaker": 1 + more})
    assert (len(worker.letters()), worker.conservation_delta) == (TRIP - 1, 0)
    return worker


def comes(worker: MemoryProcessor, name: str, offset: int = 50) -> asyncio.Task[Any]:
    return asyncio.create_task(worker.feed(name, offset))


async def test_flood_holds_what_fails_and_turns_newcomers_away(crew: Crew) -> None:
    worker = await flooded(crew, more=3)
    newcomer = comes(worker, "new")
    await nothing_happens()
    assert not newcomer.done()
    assert worker.counted(Received) == TRIP + 3
    assert (len(worker.letters()), worker.committed) == (TRIP - 1, TRIP - 1)
    assert worker.conservation_delta == 0
    newcomer.cancel()


async def test_newcomer_is_tried_and_its_result_closes_the_breaker(crew: Crew) -> None:
    worker = await flooded(crew, more=3)
    newcomer = comes(worker, "new")
    await nothing_happens()
    worker.clock.advance(TRIAL_S)
    await newcomer
    await until(lambda: len(worker.results()) == 1)
    assert not worker.flood.is_open
    # Those that were held are tried again; they fail once more, and are few enough.
    await until(lambda: worker.runner.uncommitted == 0)
    assert len(worker.letters()) == TRIP + 3
    assert worker.conservation_delta == 0


async def test_newcomer_that_fails_is_held_with_the_others(crew: Crew) -> None:
    worker = await flooded(crew, new=[failed(), failed()])
    newcomer = comes(worker, "new")
    await nothing_happens()
    worker.clock.advance(TRIAL_S)
    await newcomer
    await until(lambda: worker.runner.held == {"breaker": 2})
    assert worker.flood.is_open
    assert len(worker.letters()) == TRIP - 1


async def test_held_record_is_tried_when_nobody_comes(crew: Crew) -> None:
    worker = await flooded(crew)
    runs = len(worker.pipeline.runs)
    worker.clock.advance(TRIAL_S)
    await until(lambda: len(worker.pipeline.runs) == runs + 1)
    await until(lambda: worker.runner.held == {"breaker": 1})
    assert worker.flood.is_open
    await nothing_happens()
    assert len(worker.pipeline.runs) == runs + 1
    worker.clock.advance(TRIAL_S)
    await until(lambda: len(worker.results()) == 1)
    assert (worker.flood.is_open, worker.committed) == (False, TRIP)


async def test_result_of_a_call_that_was_under_way_leaves_it_open(crew: Crew) -> None:
    pipeline = ScriptedPipeline({f"f-{number}": [failed()] for number in range(TRIP)})
    pipeline.hold_back("slow")
    worker = crew.worker(pipeline)
    await worker.feed("slow", 0)
    for number in range(TRIP):
        await worker.feed(f"f-{number}", 1 + number)
    await until(lambda: worker.runner.held == {"breaker": 1})
    pipeline.let_go("slow")
    await until(lambda: len(worker.results()) == 1)
    await nothing_happens()
    assert worker.flood.is_open


@pytest.mark.parametrize(("accept", "runs"), [(True, 0), (False, 1)])
async def test_reset_buries_what_was_held_or_tries_it_again(
    crew: Crew, *, accept: bool, runs: int
) -> None:
    worker = await flooded(crew)
    before = len(worker.pipeline.runs)
    worker.handler.gate.reset(accept=accept)
    await until(lambda: worker.committed == TRIP)
    assert len(worker.letters()) == TRIP
    assert len(worker.pipeline.runs) == before + runs
    assert not worker.handler.turns_away()
    assert worker.conservation_delta == 0


async def test_expired_events_are_dead_letters_all_the_time(crew: Crew) -> None:
    expired = failed(Disposition.DEADLINE_EXPIRED)
    worker = await flooded(crew, old=[expired])
    worker.clock.advance(TRIAL_S)
    await worker.feed("old", 50)
    await until(lambda: len(worker.letters()) == TRIP)
    assert worker.flood.is_open


async def test_held_record_goes_with_its_partition(crew: Crew) -> None:
    worker = await flooded(crew)
    worker.revoke()
    await until(lambda: worker.counted(Released) == 1)
    assert (worker.handler.gate.held, worker.conservation_delta) == (0, 0)
    assert not worker.runner.held


async def test_unreadable_records_are_a_flood_too(crew: Crew) -> None:
    worker = crew.worker()
    for offset in range(TRIP):
        await worker.redeliver(record(b"\xff", offset=offset))
    await until(lambda: worker.runner.held == {"breaker": 1})
    worker.handler.gate.reset(accept=True)
    await until(lambda: worker.committed == TRIP)
    assert len(worker.letters()) == TRIP


async def test_what_was_bought_for_a_held_record_is_judged_again_and_not_bought(
    crew: Crew,
) -> None:
    pipeline = CallingPipeline(*[BAD] * 2 * TRIP)
    worker = crew.worker(pipeline)
    for number in range(TRIP):
        await worker.feed(f"f-{number}", number)
    await until(lambda: worker.runner.held == {"breaker": 1})
    worker.handler.gate.reset(accept=False)
    await until(lambda: worker.committed == TRIP)
    assert len(pipeline.calls.requests) == 2 * TRIP
    assert len(pipeline.runs) == TRIP + 1


async def test_one_class_in_a_flood_is_no_other_ones_affair(crew: Crew) -> None:
    worker, other = await flooded(crew), crew.worker()
    await other.redeliver(record(event(id="a"), offset=5))
    await until(lambda: other.committed == 6)
    assert worker.flood.is_open
