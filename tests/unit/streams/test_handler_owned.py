"""A record that another worker has."""

from typing import Any

import pytest

from schemas.observation import Released
from tests.builders import task
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import event, record
from tests.stream_crew import Crew, nothing_happens, repeated
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

RECORD = record(event(id="a"), offset=5)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def working(crew: Crew, *, sent: bool = True) -> MemoryProcessor:
    """A worker that is at the record when its partition goes to another one."""
    pipeline = ScriptedPipeline()
    pipeline.hold_back("a")
    pipeline.unsent |= set() if sent else {"a"}
    worker = crew.worker(pipeline)
    await crew.store.live("w-0")
    await worker.redeliver(RECORD)
    await until(lambda: pipeline.runs == ["a"])
    return worker


async def waiting(crew: Crew, pipeline: ScriptedPipeline | None = None) -> MemoryProcessor:
    """The other one."""
    heir = crew.worker(pipeline, max_in_flight=1)
    await heir.redeliver(RECORD)
    await until(lambda: heir.runner.held == {"claimed": 1})
    assert heir.conservation_delta == 0
    return heir


async def test_owned_record_waits_for_its_end_and_holds_no_slot(crew: Crew) -> None:
    owner = await working(crew)
    heir = await waiting(crew)
    await heir.feed("b", 6)
    await until(lambda: len(heir.results()) == 1)
    await nothing_happens()
    assert (heir.runner.held, heir.committed, heir.pipeline.runs) == ({"claimed": 1}, 5, ["b"])
    owner.revoke()
    owner.pipeline.let_go("a")
    await repeated(heir)
    assert (heir.committed, heir.pipeline.runs) == (7, ["b"])
    assert len(owner.results()) == 1


async def test_record_that_is_given_back_is_taken(crew: Crew) -> None:
    owner = await working(crew, sent=False)
    heir = await waiting(crew)
    owner.revoke()
    await until(lambda: heir.committed == 6)
    assert heir.pipeline.runs == ["a"]
    assert heir.pipeline.progress[0].deliveries == 1  # type: ignore[union-attr] # never None here


async def test_record_of_a_worker_that_died_is_taken(crew: Crew) -> None:
    await working(crew)
    heir = await waiting(crew)
    await crew.store.leave("w-0")
    await until(lambda: heir.committed == 6)
    assert heir.pipeline.progress[0].deliveries == 2  # type: ignore[union-attr] # never None here


async def test_waiting_for_another_worker_ends_with_the_partition(crew: Crew) -> None:
    await working(crew)
    heir = await waiting(crew)
    heir.revoke()
    await until(lambda: heir.counted(Released) == 1)
    assert not heir.runner.held
    assert heir.conservation_delta == 0


async def test_record_whose_partition_goes_while_it_asks_again_is_left_to_others(
    crew: Crew,
) -> None:
    owner = await working(crew)
    heir = await waiting(crew)
    crew.store.open.clear()
    asked = len(crew.store.pages)
    await until(lambda: len(crew.store.pages) > asked)
    owner.revoke()
    heir.revoke()
    await until(lambda: heir.counted(Released) == 1)
    assert repr(heir.claims) == "Claims(w-1, 0 held)"
    crew.store.open.set()
    owner.pipeline.let_go("a")
    await heir.redeliver(RECORD)
    await repeated(heir)
    assert heir.committed == 6


async def test_store_that_goes_away_lets_it_go_on(crew: Crew) -> None:
    await working(crew)
    heir = await waiting(crew)
    crew.store.leave_us()
    await until(lambda: heir.committed == 6)


async def test_record_that_only_its_owner_can_read_is_left_to_it(crew: Crew) -> None:
    newer = task(name="newer")
    asks = record(event(id="a", task="newer"), offset=5)
    pipeline = ScriptedPipeline()
    pipeline.hold_back("a")
    owner, heir = crew.worker(pipeline, newer), crew.worker()
    await crew.store.live("w-0")
    await owner.redeliver(asks)
    await until(lambda: pipeline.runs == ["a"])
    await heir.redeliver(asks)
    await until(lambda: heir.runner.held == {"claimed": 1})
    pipeline.let_go("a")
    await repeated(heir)
    assert (len(owner.results()), heir.letters()) == (1, [])


async def test_later_event_of_its_conversation_waits_behind_it(crew: Crew) -> None:
    ordered = task(name="ordered", ordered=True)
    pipeline = ScriptedPipeline()
    pipeline.hold_back("a")
    owner, heir = crew.worker(pipeline, ordered), crew.worker(None, ordered)
    await crew.store.live("w-0")
    asked = {"task": "ordered", "conversation_id": "c-1"}
    first = await owner.feed("a", 5, **asked)
    await until(lambda: pipeline.runs == ["a"])
    await heir.redeliver(first)
    await heir.feed("b", 6, **asked)
    await until(lambda: heir.runner.held == {"claimed": 1})
    await nothing_happens()
    assert heir.pipeline.runs == []
    pipeline.let_go("a")
    await until(lambda: heir.committed == 7)
    assert heir.pipeline.runs == ["b"]
