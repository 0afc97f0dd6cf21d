"""A record that comes again after its end."""

from typing import Any

import pytest

from schemas.observation import Received, Repeated, Settled
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import event, failed, record
from tests.stream_crew import Crew, repeated
from tests.stream_fakes import ScriptedPipeline

RECORD = record(event(id="a"), offset=5)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def test_settled_record_is_done_without_a_call_or_a_second_result(crew: Crew) -> None:
    first, second = crew.worker(), crew.worker()
    await first.redeliver(RECORD)
    await until(lambda: first.committed == 6)
    await first.claims.stop()
    await second.redeliver(RECORD)
    await until(lambda: second.committed == 6)
    assert (second.pipeline.runs, second.results()) == ([], [])
    assert (second.counted(Received), second.counted(Settled)) == (1, 0)
    await repeated(second)


async def test_record_with_a_dead_letter_is_settled_too(crew: Crew) -> None:
    first, second = crew.worker(ScriptedPipeline({"a": [failed()]})), crew.worker()
    await first.redeliver(RECORD)
    await until(lambda: first.committed == 6)
    await first.claims.stop()
    await second.redeliver(RECORD)
    await repeated(second)
    assert (second.results(), second.letters()) == ([], [])


async def test_settled_ignores_that_the_task_is_another_one_now(crew: Crew) -> None:
    first, second = crew.worker(), crew.worker()
    unreadable = record(b"\xff", offset=5)
    await first.redeliver(unreadable)
    await until(lambda: len(first.letters()) == 1)
    await first.claims.stop()
    await second.redeliver(unreadable)
    await repeated(second)
    assert second.letters() == []


async def test_same_bytes_at_another_offset_are_another_record(crew: Crew) -> None:
    worker = crew.worker()
    await worker.feed("a", 5)
    await worker.feed("a", 6)
    await until(lambda: worker.committed == 7)
    assert worker.counted(Settled) == 2


async def test_reprocess_does_it_again(crew: Crew) -> None:
    first, second = crew.worker(), crew.worker(reprocess=True)
    await first.redeliver(RECORD)
    await until(lambda: first.committed == 6)
    await first.claims.stop()
    await second.redeliver(RECORD)
    await until(lambda: second.committed == 6)
    assert second.pipeline.runs == ["a"]
    (one,), (two,) = first.results(), second.results()
    assert dict(one.headers)["ce_id"] == dict(two.headers)["ce_id"]
    assert (second.counted(Repeated), second.conservation_delta) == (0, 0)


async def test_end_that_was_not_published_is_no_end(crew: Crew) -> None:
    first, second = crew.worker(), crew.worker()
    first.outbox.open.clear()
    await first.redeliver(RECORD)
    await until(lambda: first.outbox.waiting == 1)
    assert await first.runner.drain(0) == 1
    await first.claims.stop()
    await second.redeliver(RECORD)
    await until(lambda: second.committed == 6)
    assert len(second.results()) == 1
