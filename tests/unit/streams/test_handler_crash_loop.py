"""A record that workers died with."""

import asyncio
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from streams.handler import MAKE_WAY_S, MOST_DEATHS_ALONE, MOST_UNFINISHED
from streams.isolation import Isolation
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import event, facts, held, record
from tests.stream_crew import Crew, identity, nothing_happens
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

RECORD = record(event(id="suspect"), offset=5)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


def busy(crew: Crew, *names: str, isolation: Isolation, **options: Any) -> MemoryProcessor:  # noqa: ANN401 - as given
    """A consumer of a process, where these events wait to be let go."""
    pipeline = ScriptedPipeline()
    pipeline.hold_back(*names)
    return crew.worker(pipeline, worker="me", isolation=isolation, **options)


async def test_third_delivery_still_runs_beside_the_others(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED - 1)
    worker = busy(crew, "a", isolation=Isolation())
    await worker.feed("a", 4)
    await worker.redeliver(RECORD)
    await until(lambda: worker.pipeline.runs == ["a", "suspect"])
    assert worker.pipeline.progress[1].deliveries == 3  # type: ignore[union-attr] # never None here
    worker.pipeline.let_go("a")
    await until(lambda: worker.committed == 6)


async def test_fourth_delivery_runs_alone_in_the_whole_process(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    isolation = Isolation()
    one = busy(crew, "a", isolation=isolation)
    two = busy(crew, "suspect", isolation=isolation, max_in_flight=1)
    await one.feed("a", 0)
    await until(lambda: one.pipeline.runs == ["a"])
    await two.redeliver(RECORD)
    await until(lambda: two.runner.held == {"alone": 1})
    await one.feed("b", 1)
    await two.feed("c", 6)
    await nothing_happens()
    assert (one.pipeline.runs, two.pipeline.runs) == (["a"], [])
    assert (one.conservation_delta, two.conservation_delta) == (0, 0)
    one.pipeline.let_go("a")
    await until(lambda: two.pipeline.runs == ["suspect"])
    await nothing_happens()
    assert (one.pipeline.runs, two.runner.in_flight) == (["a"], 2)
    two.pipeline.let_go("suspect")
    await until(lambda: (one.committed, two.committed) == (2, 7))
    assert (len(one.results()), len(two.results())) == (2, 2)


async def test_store_knows_that_it_runs_alone_before_it_runs(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    worker = busy(crew, isolation=Isolation())
    await worker.redeliver(RECORD)
    await until(lambda: worker.committed == 6)
    first = next(place for place, page in enumerate(crew.store.pages) if page.alone)
    assert crew.store.pages[first].alone == (identity(RECORD),)
    second = busy(crew, isolation=Isolation())
    other = record(event(id="other"), offset=7)
    await crew.die_with(other, MOST_UNFINISHED)
    crew.store.open.clear()
    await second.redeliver(other)
    await nothing_happens()
    assert second.pipeline.runs == []


async def test_death_while_it_waits_in_company_is_no_death_alone(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    waits = crew.worker(ScriptedPipeline({"suspect": [held(1000.0 + 3600)]}))
    await waits.redeliver(RECORD)
    await until(lambda: waits.runner.held == {"outage": 1})
    await waits.feed("b", 6)
    await until(lambda: len(waits.results()) == 1)
    await nothing_happens()
    assert (await crew.store.ask(identity(RECORD))).deaths_alone == 0


async def test_death_alone_is_one(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    dies = busy(crew, "suspect", isolation=Isolation())
    await dies.redeliver(RECORD)
    await until(lambda: dies.pipeline.runs == ["suspect"])
    assert (await crew.store.ask(identity(RECORD))).deaths_alone == 1


@pytest.mark.parametrize("value", [RECORD.value, b"\xff"])
async def test_second_death_alone_is_the_last(crew: Crew, value: bytes) -> None:
    killer = record(value, offset=5)
    await crew.die_with(killer, MOST_UNFINISHED)
    await crew.die_with(killer, MOST_DEATHS_ALONE, alone=True)
    worker = crew.worker()
    await worker.redeliver(killer)
    await until(lambda: worker.committed == 5)
    await until(lambda: worker.committed == 6)
    assert worker.pipeline.runs == []
    (letter,) = worker.letters()
    told = facts(letter)
    assert letter.value == value
    assert (told["dlq.disposition"], told["dlq.stage"]) == (Disposition.ATTEMPTS_EXHAUSTED, "crash")
    assert told["dlq.attempts.record"] == "2"
    assert told["__dlq.errors.message"].startswith("2 workers died")
    assert "dlq.task" not in told  # it was not even read
    assert worker.conservation_delta == 0


async def test_one_death_alone_is_another_chance(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    await crew.die_with(RECORD, 1, alone=True)
    worker = crew.worker()
    await worker.redeliver(RECORD)
    await until(lambda: worker.runner.held == {"alone": 1})  # the others go first
    await worker.feed("other", 6)
    await until(lambda: len(worker.results()) == 1)
    assert worker.committed == 5
    await asyncio.sleep(MAKE_WAY_S)
    await until(lambda: worker.committed == 7)
    assert len(worker.results()) == 2


async def test_clean_stops_make_no_suspect(crew: Crew) -> None:
    for _ in range(2 * MOST_UNFINISHED):
        worker = busy(crew, "suspect", isolation=Isolation())
        await worker.redeliver(RECORD)
        await until(lambda at=worker: at.pipeline.runs == ["suspect"])  # type: ignore[misc] # mypy
        assert await worker.runner.drain(0) == 1
        await worker.claims.stop()
    assert (await crew.store.ask(identity(RECORD))).deliveries == 1


async def test_suspect_that_is_given_back_while_it_waits_to_be_alone(crew: Crew) -> None:
    await crew.die_with(RECORD, MOST_UNFINISHED)
    worker = busy(crew, "a", isolation=Isolation())
    await worker.redeliver(record(event(id="a"), offset=0, partition=4))
    await until(lambda: worker.pipeline.runs == ["a"])
    await worker.redeliver(RECORD)
    await until(lambda: worker.runner.held == {"alone": 1})
    worker.revoke()
    await until(lambda: not worker.runner.held)
    await worker.redeliver(record(event(id="b"), offset=1, partition=4))
    await until(lambda: worker.pipeline.runs == ["a", "b"])
    assert worker.conservation_delta == 0
    await worker.claims.claim("marker")
    assert (await crew.store.ask(identity(RECORD))).deliveries == MOST_UNFINISHED + 1
