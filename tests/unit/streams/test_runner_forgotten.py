from tests.fakes import until
from tests.stream_builders import event, held, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline


def forgets(processor: MemoryProcessor) -> bool:
    """Read it anew: a type checker takes a property for a constant."""
    return processor.runner.forgotten


async def test_record_that_never_came_while_later_ones_did_is_forgotten() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    lost = record(event(id="lost"), offset=0)
    processor.fetch(lost)
    assert not forgets(processor)
    await processor.feed("b", 1)
    assert forgets(processor)
    await until(lambda: len(processor.results()) == 1)
    assert processor.committed == 0
    assert forgets(processor)
    await processor.runner.deliver(lost)
    assert not forgets(processor)
    await until(lambda: processor.committed == 2)
    assert not forgets(processor)


async def test_slow_record_is_not_forgotten() -> None:
    pipeline = ScriptedPipeline()
    pipeline.hold_back("slow")
    processor = MemoryProcessor(pipeline)
    await processor.feed("slow", 0)
    await processor.feed("b", 1)
    await until(lambda: len(processor.results()) == 1)
    assert not forgets(processor)
    pipeline.let_go("slow")
    await until(lambda: processor.committed == 2)
    assert not forgets(processor)


async def test_record_that_waits_is_not_forgotten() -> None:
    processor = MemoryProcessor(ScriptedPipeline({"waits": [held(1000.0 + 3600)]}))
    await processor.feed("waits", 0)
    await processor.feed("b", 1)
    await until(lambda: len(processor.results()) == 1)
    assert processor.runner.held == {"outage": 1}
    assert not forgets(processor)
    assert await processor.runner.drain(0) == 1


async def test_record_whose_settlement_failed_is_forgotten() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.outbox.broken = RuntimeError("a bug")
    await processor.feed("a", 0)
    await until(lambda: bool(processor.runner.trouble))
    assert not forgets(processor)
    processor.outbox.broken = None
    await processor.feed("b", 1)
    assert forgets(processor)


async def test_record_of_another_partition_overtakes_nobody() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.fetch(record(event(id="a"), offset=0))
    await processor.redeliver(record(event(id="b"), offset=1, partition=4))
    await until(lambda: len(processor.results()) == 1)
    assert not forgets(processor)


async def test_partition_that_went_away_leaves_nothing_forgotten() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.fetch(record(event(id="lost"), offset=0))
    await processor.feed("b", 1)
    assert forgets(processor)
    processor.revoke()
    assert not forgets(processor)
