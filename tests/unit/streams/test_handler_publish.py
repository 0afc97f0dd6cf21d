"""Kafka does not take the ends of a class, or one letter of it."""

import asyncio
from typing import Any

import pytest

from schemas.observation import Received, Released
from streams.settlement import REFUSED_LETTER_S
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import INPUT, address, event, failed, record
from tests.stream_crew import Crew, nothing_happens
from tests.stream_fakes import MemoryOutbox, MemoryProcessor, ScriptedPipeline

# A processor opens its flood breaker at the tenth end when half of them are dead.
TRIP = 10
LARGE = record(event(id="large", text="x" * 2000), offset=0)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


@pytest.mark.parametrize("topic", [address().results, address().letters, address().parked])
async def test_topic_that_takes_nothing_holds_the_class(crew: Crew, topic: str) -> None:
    worker = crew.worker()
    worker.outbox.open.clear()
    await worker.feed("a", 0)
    await until(lambda: worker.outbox.waiting == 1)
    assert (worker.runner.in_flight, dict(worker.runner.held)) == (1, {})
    worker.outbox.away[topic] = "TopicAuthorizationFailedError"
    assert worker.runner.held == {"publish": 1}
    assert worker.conservation_delta == 0
    newcomer = asyncio.create_task(worker.feed("b", 1))
    await nothing_happens()
    assert (worker.counted(Received), worker.pipeline.runs) == (1, ["a"])
    worker.outbox.away.clear()
    worker.outbox.open.set()
    await newcomer
    await until(lambda: worker.committed == 2)
    assert worker.conservation_delta == 0


async def test_trouble_of_another_class_holds_nobody(crew: Crew) -> None:
    worker = crew.worker()
    worker.outbox.away["results.batch"] = "UnknownTopicOrPartitionError"
    await worker.feed("a", 0)
    await until(lambda: worker.committed == 1)


async def test_end_that_waits_is_given_up_with_its_worker_and_comes_again(crew: Crew) -> None:
    worker = crew.worker()
    worker.outbox.open.clear()
    given = await worker.feed("a", 0)
    await until(lambda: worker.outbox.waiting == 1)
    worker.outbox.away[address().results] = "no answer"
    assert await worker.runner.drain(0) == 1
    await worker.claims.stop()
    assert (worker.counted(Released), worker.committed) == (1, 0)
    assert worker.conservation_delta == 0
    heir = crew.worker()
    await heir.redeliver(given)
    await until(lambda: heir.committed == 1)


async def refusing(crew: Crew) -> MemoryProcessor:
    """A worker whose letter topic refuses a letter for its size."""
    outbox = MemoryOutbox({address().letters: 1500})
    worker = crew.worker(ScriptedPipeline({"large": [failed()]}), outbox=outbox)
    await worker.redeliver(LARGE)
    await until(lambda: worker.stalled[INPUT, 3] == 1)
    return worker


async def test_refused_letter_stalls_its_partition_only(crew: Crew) -> None:
    worker = await refusing(crew)
    assert worker.outbox.troubles == {address().letters: "MessageSizeTooLargeError"}
    assert worker.runner.held == {"publish": 1}
    assert worker.conservation_delta == 0
    assert not worker.handler.turns_away()
    await worker.redeliver(record(event(id="b"), partition=4, offset=0))
    await until(lambda: len(worker.results()) == 1)
    assert +worker.stalled == {(INPUT, 3): 1}
    assert worker.committed == 0


async def test_refused_letter_is_offered_again_until_it_is_taken(crew: Crew) -> None:
    worker = await refusing(crew)
    offered = worker.outbox.refused
    await asyncio.sleep(2 * REFUSED_LETTER_S + 1)  # of the hasty loop
    assert worker.outbox.refused >= offered + 2
    worker.outbox.enlarge(address().letters, 10_000)
    await asyncio.sleep(REFUSED_LETTER_S)
    assert (worker.committed, len(worker.letters())) == (1, 1)
    assert not +worker.stalled
    assert worker.letters()[0].value == LARGE.value
    assert worker.conservation_delta == 0


async def test_worker_that_leaves_lets_the_partition_go(crew: Crew) -> None:
    worker = await refusing(crew)
    assert await worker.runner.drain(0) == 1
    assert not +worker.stalled
    assert (worker.committed, worker.letters()) == (0, [])


async def test_refused_letter_whose_partition_moves_is_its_new_owners(crew: Crew) -> None:
    worker = await refusing(crew)
    worker.revoke()
    await until(lambda: worker.counted(Released) == 1)
    assert not +worker.stalled
    assert worker.conservation_delta == 0
    heir = crew.worker(ScriptedPipeline({"large": [failed()]}))
    await heir.redeliver(LARGE)
    await until(lambda: heir.committed == 1)
    assert len(heir.letters()) == 1


async def test_result_too_large_for_kafka_is_a_letter_that_counts_as_one(crew: Crew) -> None:
    outbox = MemoryOutbox({address().results: 100})
    worker = crew.worker(ScriptedPipeline(), outbox=outbox)
    for number in range(TRIP + 3):
        await worker.feed(f"r-{number}", number)
    await until(lambda: worker.runner.held == {"breaker": 4})
    assert (len(worker.letters()), worker.results()) == (TRIP - 1, [])
    assert worker.conservation_delta == 0
