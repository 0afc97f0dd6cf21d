import asyncio

from schemas.observation import Released, Repeated
from tests.fakes import until
from tests.stream_builders import INPUT
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline


def holding(*names: str, **settings: int) -> MemoryProcessor:
    """A processor whose named events wait for their answer."""
    pipeline = ScriptedPipeline()
    pipeline.hold_back(*names)
    return MemoryProcessor(pipeline, **settings)


def restart(processor: MemoryProcessor) -> None:
    """Let the log begin anew, as the intake finds out."""
    processor.runner.offsets.restarted((INPUT, 3))


async def test_end_of_a_record_of_the_old_log_is_not_the_end_of_the_new_one() -> None:
    processor = holding("old", "new")
    await processor.feed("old", 0)
    await until(lambda: processor.pipeline.runs == ["old"])
    restart(processor)
    await processor.feed("new", 0)
    assert processor.counted(Repeated) == 0
    await until(lambda: processor.pipeline.runs == ["old", "new"])
    processor.pipeline.let_go("old")
    await until(lambda: processor.runner.in_flight == 1)
    assert len(processor.results()) == 1
    assert processor.committed == 0
    processor.pipeline.let_go("new")
    await until(lambda: processor.committed == 1)
    assert len(processor.results()) == 2
    assert processor.conservation_delta == 0


async def test_end_of_the_old_log_is_not_remembered_for_the_new_one() -> None:
    processor = holding("old")
    await processor.feed("old", 0)
    await until(lambda: processor.pipeline.runs == ["old"])
    restart(processor)
    processor.pipeline.let_go("old")
    await until(lambda: processor.runner.in_flight == 0)
    await processor.feed("new", 0)
    await until(lambda: processor.committed == 1)
    assert processor.pipeline.runs == ["old", "new"]


async def test_new_record_may_be_delivered_twice_like_any_other() -> None:
    processor = holding("old", "new")
    await processor.feed("old", 0)
    restart(processor)
    fetched = await processor.feed("new", 0)
    await processor.redeliver(fetched)
    assert processor.counted(Repeated) == 1
    processor.pipeline.let_go("new")
    await until(lambda: processor.committed == 1)
    processor.pipeline.let_go("old")
    await until(lambda: processor.runner.in_flight == 0)
    assert sorted(processor.pipeline.runs) == ["new", "old"]
    assert processor.conservation_delta == 0


async def test_record_that_waits_for_room_while_its_log_ends_is_released() -> None:
    processor = holding("a", "b", max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    third = asyncio.create_task(processor.feed("c", 2))
    await until(lambda: processor.runner.uncommitted == 3)
    restart(processor)
    processor.pipeline.let_go("a")
    await asyncio.wait_for(third, 5)
    assert processor.counted(Released) == 1
    processor.pipeline.let_go("b")
    await until(lambda: processor.runner.in_flight == 0)
    assert processor.pipeline.runs == ["a", "b"]
    assert processor.conservation_delta == 0
