import asyncio

from schemas.observation import Released, Repeated, Settled
from schemas.outcome import Progress
from tests.builders import reply
from tests.fakes import until
from tests.stream_builders import INPUT, completed, event, held, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline


def holding(sent: tuple[str, ...] = (), unsent: tuple[str, ...] = ()) -> MemoryProcessor:
    """A processor where these events wait, with or without a call in the air."""
    pipeline = ScriptedPipeline()
    pipeline.hold_back(*sent, *unsent)
    pipeline.unsent |= set(unsent)
    return MemoryProcessor(pipeline)


async def test_forget_drops_what_is_unsent_and_lets_calls_in_the_air_end() -> None:
    processor = holding(sent=("sent",), unsent=("unsent",))
    await processor.feed("sent", 0)
    await processor.feed("unsent", 1)
    await until(lambda: len(processor.pipeline.runs) == 2)
    processor.revoke()
    await until(lambda: processor.counted(Released) == 1)
    processor.pipeline.let_go("sent")
    await until(lambda: len(processor.results()) == 1)
    assert processor.conservation_delta == 0


async def test_forget_drops_only_its_partitions() -> None:
    processor = holding(unsent=("a",))
    await processor.feed("a", 0)
    await until(lambda: processor.pipeline.runs == ["a"])
    processor.revoke(partition=4)
    processor.pipeline.let_go("a")
    await until(lambda: processor.committed == 1)


async def test_forget_drops_what_waits_for_an_outage_to_end() -> None:
    processor = MemoryProcessor(ScriptedPipeline({"a": [held(1000.0 + 3600)]}))
    await processor.feed("a", 0)
    await until(lambda: processor.runner.held == {"outage": 1})
    processor.revoke()
    await until(lambda: processor.counted(Released) == 1)
    assert not processor.runner.held
    assert processor.conservation_delta == 0


async def test_what_is_paid_for_is_never_dropped() -> None:
    bought = held(1000.0 + 0.01, progress=Progress(replies=(reply("{}"),)))
    processor = MemoryProcessor(ScriptedPipeline({"a": [bought, completed()]}))
    await processor.feed("a", 0)
    await until(lambda: processor.runner.held == {"outage": 1})
    processor.revoke()
    await asyncio.wait_for(processor.outbox.published.wait(), 5)  # ten real milliseconds
    await until(lambda: processor.counted(Settled) == 1)
    assert processor.counted(Released) == 0


async def test_call_that_comes_back_unanswered_after_the_partition_went_is_not_repeated() -> None:
    pipeline = ScriptedPipeline({"a": [held(1000.0)]})
    pipeline.hold_back("a")
    processor = MemoryProcessor(pipeline)
    await processor.feed("a", 0)
    await until(lambda: pipeline.runs == ["a"])
    processor.revoke()
    pipeline.let_go("a")
    await until(lambda: processor.counted(Released) == 1)
    assert pipeline.runs == ["a"]
    assert processor.conservation_delta == 0


async def test_partition_that_comes_back_finds_its_record_still_at_work() -> None:
    processor = holding(sent=("a",))
    fetched = await processor.feed("a", 0)
    await until(lambda: processor.pipeline.runs == ["a"])
    processor.revoke()
    await processor.redeliver(fetched)
    assert processor.counted(Repeated) == 1
    processor.pipeline.let_go("a")
    await until(lambda: processor.committed == 1)
    assert len(processor.results()) == 1


async def test_end_of_an_old_delivery_is_the_end_of_the_new_one() -> None:
    processor = holding(sent=("a",))
    fetched = await processor.feed("a", 0)
    await until(lambda: processor.pipeline.runs == ["a"])
    processor.revoke()
    processor.pipeline.let_go("a")
    await until(lambda: len(processor.results()) == 1)
    assert processor.runner.offsets.partitions == ()
    await processor.redeliver(fetched)
    assert processor.committed == 1
    assert processor.pipeline.runs == ["a"]
    assert processor.conservation_delta == 0


async def test_record_delivered_again_while_it_is_being_dropped_is_worked_on() -> None:
    processor = holding(unsent=("a",))
    fetched = await processor.feed("a", 0)
    await until(lambda: processor.pipeline.runs == ["a"])
    processor.revoke()
    processor.pipeline.let_go("a")
    await processor.redeliver(fetched)  # nothing ran in between: the first job is still there
    await until(lambda: processor.committed == 1)
    assert (processor.counted(Released), processor.counted(Repeated)) == (1, 0)
    assert len(processor.results()) == 1
    assert processor.conservation_delta == 0


async def test_record_of_a_partition_that_is_gone_is_not_begun() -> None:
    processor = holding()
    late = record(event(), offset=7)
    processor.fetch(late)
    processor.runner.offsets.revoked((INPUT, 3))
    await processor.runner.deliver(late)
    assert processor.pipeline.runs == []
    assert processor.conservation_delta == 0
