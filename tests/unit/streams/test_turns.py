import asyncio
from itertools import count
from typing import Any

from schemas.dead_letter import Disposition
from schemas.observation import Released
from tests.builders import task
from tests.fakes import until
from tests.stream_builders import event, failed, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

ORDERED = task(name="ordered", ordered=True)


class Talk:
    """A processor with an ordered task, and events of one conversation that wait to be let go."""

    def __init__(self, *names: str, script: dict[str, list[Any]] | None = None) -> None:
        self.pipeline = ScriptedPipeline(script)
        self.pipeline.hold_back(*names)
        self.processor = MemoryProcessor(self.pipeline, ORDERED)
        self._markers = count()

    async def say(self, name: str, offset: int, **fields: object) -> None:
        asked = {"task": "ordered", "conversation_id": "c-1"} | fields
        await self.processor.feed(name, offset, **asked)

    async def runs(self, *names: str) -> None:
        """Wait until exactly these have begun, and let the others show that they do not."""
        await until(lambda: self.pipeline.runs[-1:] == [names[-1]])
        marker = record(event(id="marker"), partition=9, offset=next(self._markers))
        await self.processor.redeliver(marker)
        await until(lambda: self.pipeline.runs[-1] == "marker")
        self.pipeline.runs.pop()
        assert self.pipeline.runs == list(names)


async def test_events_of_a_conversation_go_one_after_the_other() -> None:
    talk = Talk("a", "b", "c")
    for offset, name in enumerate("abc"):
        await talk.say(name, offset)
    await talk.runs("a")
    talk.pipeline.let_go("a")
    await talk.runs("a", "b")
    talk.pipeline.let_go("b")
    await talk.runs("a", "b", "c")
    talk.pipeline.let_go("c")
    await until(lambda: talk.processor.committed == 3)


async def test_turn_ends_when_the_outcome_is_published() -> None:
    talk = Talk()
    talk.processor.outbox.open.clear()
    await talk.say("a", 0)
    await talk.say("b", 1)
    await until(lambda: talk.processor.outbox.waiting == 1)
    assert talk.pipeline.runs == ["a"]
    talk.processor.outbox.open.set()
    await until(lambda: talk.processor.committed == 2)
    assert talk.pipeline.runs == ["a", "b"]


async def test_dead_letter_ends_a_turn_too() -> None:
    talk = Talk("a", script={"a": [failed(Disposition.REFUSED)]})
    await talk.say("a", 0)
    await talk.say("b", 1)
    await talk.runs("a")
    talk.pipeline.let_go("a")
    await until(lambda: talk.processor.committed == 2)
    assert len(talk.processor.letters()) == 1


async def test_other_conversations_overtake() -> None:
    talk = Talk("a")
    await talk.say("a", 0)
    await talk.say("b", 1, conversation_id="c-2")
    await talk.say("c", 2, conversation_id=None)
    await talk.say("d", 3, task="label")
    await until(lambda: len(talk.processor.results()) == 3)
    assert talk.processor.committed == 0
    talk.pipeline.let_go("a")
    await until(lambda: talk.processor.committed == 4)


async def test_tasks_that_do_not_ask_for_order_have_none() -> None:
    talk = Talk("a")
    await talk.say("a", 0, task="label")
    await talk.say("b", 1, task="label")
    await until(lambda: len(talk.processor.results()) == 1)
    talk.pipeline.let_go("a")
    await until(lambda: talk.processor.committed == 2)


async def test_cancelled_turn_does_not_block_its_followers() -> None:
    talk = Talk("a", "b")
    talk.pipeline.unsent |= {"a"}
    await talk.say("a", 0)
    await talk.runs("a")
    talk.processor.revoke()
    await until(lambda: talk.processor.counted(Released) == 1)
    await talk.say("b", 1)
    await talk.runs("a", "b")
    talk.pipeline.let_go("b")
    await until(lambda: talk.processor.committed == 2)


async def test_order_survives_a_partition_that_goes_and_comes_back() -> None:
    talk = Talk("a", "b", "c")
    for offset, name in enumerate("abc"):
        await talk.say(name, offset)
    await talk.runs("a")
    talk.processor.revoke()
    await until(lambda: talk.processor.counted(Released) == 2)
    for offset, name in enumerate("abc"):
        await talk.say(name, offset)
    await talk.runs("a")  # its call is still in the air: the others have to wait for it
    talk.pipeline.let_go("a")
    await talk.runs("a", "b")
    talk.pipeline.let_go("b")
    talk.pipeline.let_go("c")
    await until(lambda: talk.processor.committed == 3)
    assert talk.pipeline.runs == ["a", "b", "c"]


async def test_drain_gives_up_a_whole_conversation() -> None:
    talk = Talk("a")
    for offset, name in enumerate("abc"):
        await talk.say(name, offset)
    await talk.runs("a")
    assert await asyncio.wait_for(talk.processor.runner.drain(0), 5) == 3
    assert talk.processor.conservation_delta == 0
