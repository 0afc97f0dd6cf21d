"""Claims come in between reading and working, and must not disturb the order of conversations."""

from typing import Any

import pytest

from tests.builders import task
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_crew import Crew
from tests.stream_fakes import MemoryProcessor

ORDERED = task(name="ordered", ordered=True)
NAMES = [f"e-{number}" for number in range(12)]


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def say(worker: MemoryProcessor, *names: str) -> None:
    for name in names:
        offset = NAMES.index(name)
        await worker.feed(name, offset, task="ordered", conversation_id="c-1")


async def test_order_is_kept_over_pages(crew: Crew) -> None:
    worker = crew.worker(None, ORDERED)
    crew.store.open.clear()
    await say(worker, *NAMES[:4])
    await until(lambda: len(crew.store.pages) == 1)
    await say(worker, *NAMES[4:])
    crew.store.open.set()
    await until(lambda: worker.committed == len(NAMES))
    assert len(crew.store.pages) > 1
    assert worker.pipeline.runs == NAMES


async def test_order_is_kept_when_the_store_goes_away_in_the_middle(crew: Crew) -> None:
    worker = crew.worker(None, ORDERED)
    crew.store.open.clear()
    await say(worker, *NAMES[:4])
    await until(lambda: len(crew.store.pages) == 1)
    await say(worker, *NAMES[4:8])
    await until(lambda: "8 held" in repr(worker.claims))
    crew.store.leave_us()
    crew.store.open.set()
    await until(lambda: "alone" in repr(worker.claims))
    await say(worker, *NAMES[8:])
    await until(lambda: worker.committed == len(NAMES))
    assert worker.pipeline.runs == NAMES


async def test_order_is_kept_when_the_store_comes_back(crew: Crew) -> None:
    worker = crew.worker(None, ORDERED)
    crew.store.leave_us()
    await say(worker, *NAMES[:4])
    await until(lambda: len(worker.results()) == 4)
    await say(worker, *NAMES[4:8])
    crew.store.come_back()
    await until(lambda: "alone" not in repr(worker.claims))
    await say(worker, *NAMES[8:])
    await until(lambda: worker.committed == len(NAMES))
    assert worker.pipeline.runs == NAMES


async def test_event_that_is_given_back_while_it_waits_for_its_claim_leaves_the_line(
    crew: Crew,
) -> None:
    worker = crew.worker(None, ORDERED)
    crew.store.open.clear()
    await say(worker, *NAMES[:2])
    await until(lambda: len(crew.store.pages) == 1)
    worker.revoke()
    crew.store.open.set()
    await say(worker, *NAMES[:2])
    await until(lambda: worker.committed == 2)
    assert worker.pipeline.runs == NAMES[:2]
    assert worker.conservation_delta == 0
    assert len(worker.results()) == 2
