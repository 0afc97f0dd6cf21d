import asyncio

from schemas.observation import Received, Released
from streams.runner import MOST_UNCOMMITTED
from tests.fakes import until
from tests.stream_builders import INPUT, event, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline


def filled(*names: str, **settings: int) -> MemoryProcessor:
    """A processor whose named events wait for their answer."""
    pipeline = ScriptedPipeline()
    pipeline.hold_back(*names)
    return MemoryProcessor(pipeline, **settings)


async def settle(*tasks: asyncio.Task[object]) -> None:
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_twice_the_slots_may_be_in_memory_and_the_next_record_waits() -> None:
    processor = filled("a", "b", max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    assert processor.runner.waits_for_room
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    assert not third.done()
    processor.pipeline.let_go("a")
    await settle(third)
    processor.pipeline.let_go("b")
    await until(lambda: processor.committed == 3)


async def test_record_that_waits_for_room_is_not_received_yet() -> None:
    processor = filled("a", "b", max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    assert processor.counted(Received) == 2
    assert processor.conservation_delta == 0
    third.cancel()
    await asyncio.wait([third], timeout=5)
    assert processor.conservation_delta == 0
    assert await processor.runner.drain(0) == 2


async def test_bytes_bound_what_is_in_memory() -> None:
    size = record(event(id="a")).size
    processor = filled("a", max_buffered_bytes=2 * size - 1)
    await processor.feed("a", 0)
    second = asyncio.create_task(processor.feed("b", 1))
    await until(lambda: processor.runner.uncommitted == 2)
    assert not second.done()
    processor.pipeline.let_go("a")
    await settle(second)
    await until(lambda: processor.committed == 2)


async def test_record_above_all_bounds_goes_alone() -> None:
    processor = filled(max_buffered_bytes=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    await until(lambda: processor.committed == 2)


async def test_record_whose_partition_goes_while_it_waits_for_room_is_released() -> None:
    processor = filled("a", "b", max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3 and processor.pipeline.runs == ["a"])
    processor.revoke()
    processor.pipeline.let_go("a")
    await settle(third)
    await until(lambda: processor.runner.in_flight == 0)
    assert len(processor.results()) == 1
    assert processor.counted(Released) == 2
    assert processor.conservation_delta == 0
    assert processor.pipeline.runs == ["a"]


async def test_newest_record_may_not_be_far_ahead_of_a_slow_one() -> None:
    processor = filled("slow")
    offsets, partition = processor.runner.offsets, (INPUT, 3)
    await processor.feed("slow", 0)
    for offset in range(1, MOST_UNCOMMITTED - 1):
        offsets.fetched(partition, offset, 0.0)
        offsets.done(partition, offset)
    assert not processor.runner.waits_for_room
    newest = asyncio.create_task(processor.feed("newest", MOST_UNCOMMITTED - 1))
    await until(lambda: processor.runner.waits_for_room)
    assert processor.runner.uncommitted == MOST_UNCOMMITTED
    assert not newest.done()
    assert processor.counted(Received) == 1
    processor.pipeline.let_go("slow")
    await settle(newest)
    await until(lambda: processor.committed == MOST_UNCOMMITTED)
    assert not processor.runner.waits_for_room
    assert processor.conservation_delta == 0


async def test_drain_waits_for_what_runs() -> None:
    processor = filled("a")
    await processor.feed("a", 0)
    draining = asyncio.create_task(processor.runner.drain(60))
    await until(lambda: processor.pipeline.runs == ["a"])
    assert not draining.done()
    processor.pipeline.let_go("a")
    assert await asyncio.wait_for(draining, 5) == 0
    assert processor.committed == 1


async def test_drain_gives_up_what_does_not_end_in_time_without_an_end() -> None:
    processor = filled("slow")
    await processor.feed("slow", 0)
    await processor.feed("quick", 1)
    await until(lambda: len(processor.results()) == 1)
    assert await processor.runner.drain(0) == 1
    await until(lambda: processor.counted(Released) == 1)
    assert processor.committed == 0
    assert processor.runner.in_flight == 0
    assert processor.conservation_delta == 0


async def test_drain_of_nothing_returns_at_once() -> None:
    assert await filled().runner.drain(60) == 0


async def test_drained_runner_takes_nothing_more() -> None:
    processor = filled()
    await processor.runner.drain(0)
    late = asyncio.create_task(processor.feed("a", 0))
    await until(lambda: processor.runner.uncommitted == 1)
    late.cancel()  # as the intake does when it stops
    await asyncio.wait([late], timeout=5)
    assert late.cancelled()
    assert processor.counted(Received) == 0
    assert processor.pipeline.runs == []


async def test_draining_runner_makes_no_room() -> None:
    processor = filled("a", "b", max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    draining = asyncio.create_task(processor.runner.drain(60))
    processor.pipeline.let_go("a")
    processor.pipeline.let_go("b")
    await settle(draining)
    assert not third.done()
    third.cancel()
    await asyncio.wait([third], timeout=5)
    assert processor.conservation_delta == 0
    assert processor.committed == 2
