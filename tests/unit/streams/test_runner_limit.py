"""The running limit: how many records may be at Claude or in memory follows what is allowed."""

import asyncio

import pytest

from schemas.observation import Received
from tests.builders import task
from tests.fakes import until
from tests.stream_builders import completed, held
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

ORDERED = task(name="ordered", ordered=True)
NEVER = 1000.0 + 3600


class Limited(MemoryProcessor):
    """A processor whose limit moves; the named events wait for their answer."""

    def __init__(self, *names: str, pipeline: ScriptedPipeline | None = None) -> None:
        super().__init__(pipeline or ScriptedPipeline(), ORDERED, max_in_flight=3)
        self.pipeline.hold_back(*names)
        self.allowed = 1
        plain = self.runner
        self.runner = self.made(plain._bounds, plain._observer, lambda: self.allowed)

    def let_all_go(self) -> None:
        for name in self.pipeline.gates:
            self.pipeline.let_go(name)


def is_full(processor: MemoryProcessor) -> bool:
    """Read it anew: a type checker takes a property for a constant."""
    return processor.runner.waits_for_room


async def over(*tasks: asyncio.Task[object]) -> None:
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


@pytest.mark.parametrize(("allowed", "limit"), [(1, 1), (2, 2), (1000, 3)])
async def test_limit_is_what_is_allowed_and_never_above_max_in_flight(
    allowed: int, limit: int
) -> None:
    processor = Limited()
    processor.allowed = allowed
    assert processor.runner.limit == limit


async def test_without_an_allowance_the_limit_is_max_in_flight() -> None:
    assert MemoryProcessor(ScriptedPipeline(), max_in_flight=7).runner.limit == 7


async def test_limit_bounds_what_runs_and_twice_the_limit_what_is_in_memory() -> None:
    processor = Limited("a", "b")
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    assert is_full(processor)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3 and processor.pipeline.runs == ["a"])
    assert processor.counted(Received) == 2
    processor.let_all_go()
    await over(third)
    await until(lambda: processor.committed == 3)


async def test_raised_limit_makes_room_and_slots_though_no_record_ends() -> None:
    processor = Limited("a", "b")
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    processor.allowed = 3
    await over(third)  # a real tenth of a second
    await asyncio.wait_for(processor.outbox.published.wait(), 5)
    assert processor.pipeline.runs == ["a", "b", "c"]
    assert processor.committed == 0
    processor.let_all_go()
    await until(lambda: processor.committed == 3)


async def test_lowered_limit_takes_effect_as_records_end() -> None:
    processor = Limited("a", "b")
    processor.allowed = 2
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    await until(lambda: processor.pipeline.runs == ["a", "b"])
    processor.allowed = 1
    assert is_full(processor)
    third = asyncio.create_task(processor.feed("c", 2))
    processor.pipeline.let_go("a")
    await over(third)
    await until(lambda: len(processor.results()) == 1)
    assert processor.pipeline.runs == ["a", "b"]
    processor.pipeline.let_go("b")
    await until(lambda: processor.committed == 3)


async def test_records_held_by_an_outage_are_bounded_by_max_in_flight_alone() -> None:
    names = [f"held-{number}" for number in range(5)]
    outage = ScriptedPipeline({name: [held(NEVER)] for name in names})
    processor = Limited("slow", pipeline=outage)
    for offset, name in enumerate(names):
        await processor.feed(name, offset)
        await until(lambda count=offset + 1: processor.runner.held == {"outage": count})  # type: ignore[misc] # bound now
    assert not is_full(processor)
    await processor.feed("slow", 5)
    assert is_full(processor)
    assert await processor.runner.drain(0) == 6


async def test_record_that_comes_to_be_held_makes_room_at_once() -> None:
    pipeline = ScriptedPipeline({"a": [held(NEVER)]})
    processor = Limited("a", "b", pipeline=pipeline)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    assert not third.done()
    processor.pipeline.let_go("a")
    await until(third.done)
    processor.pipeline.let_go("b")
    await until(lambda: len(processor.results()) == 2)
    assert await processor.runner.drain(0) == 1


async def test_records_held_count_again_when_they_go_on() -> None:
    pipeline = ScriptedPipeline({name: [held(1000.0), completed()] for name in "ab"})
    processor = Limited(pipeline=pipeline)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    await until(lambda: processor.committed == 2)
    pipeline.hold_back("c", "d")
    await processor.feed("c", 2)
    assert not is_full(processor)
    await processor.feed("d", 3)
    assert is_full(processor)
    processor.let_all_go()
    await until(lambda: processor.committed == 4)


async def test_conversation_that_waits_for_its_turn_does_not_stop_the_others() -> None:
    talk = {"task": "ordered", "conversation_id": "c-1"}
    processor = Limited("one", "two", "three")
    processor.allowed = 2
    for offset, name in enumerate(("one", "two", "three")):
        await processor.feed(name, offset, **talk)
    await until(lambda: processor.pipeline.runs == ["one"])
    await processor.feed("other", 3)
    await until(lambda: len(processor.results()) == 1)
    assert not is_full(processor)
    processor.let_all_go()
    await until(lambda: processor.committed == 4)


async def test_dropped_records_leave_neither_slots_nor_memory_taken() -> None:
    processor = Limited("a", "b")
    processor.pipeline.unsent |= {"a", "b"}
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    await until(lambda: processor.pipeline.runs == ["a"])
    processor.revoke()
    await until(lambda: processor.runner.in_flight == 0)
    assert not is_full(processor)
    for offset, name in enumerate("cd", 2):
        await processor.feed(name, offset)
    await until(lambda: len(processor.results()) == 2)


async def test_record_dropped_while_it_is_held_leaves_no_memory_taken() -> None:
    processor = Limited("b", "c", pipeline=ScriptedPipeline({"a": [held(NEVER)]}))
    await processor.feed("a", 0)
    await until(lambda: processor.runner.held == {"outage": 1})
    processor.revoke()
    await until(lambda: not processor.runner.held)
    await processor.feed("b", 1)
    assert not is_full(processor)
    await processor.feed("c", 2)
    assert is_full(processor)
    processor.let_all_go()
    await until(lambda: len(processor.results()) == 2)
