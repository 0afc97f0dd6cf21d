import asyncio
import logging

import pytest

from schemas.dead_letter import Disposition
from schemas.observation import Received, Released, Repeated, Settled
from schemas.outcome import Progress
from schemas.results import Result
from tests.fakes import until
from tests.stream_builders import WRITTEN_AT, completed, event, failed, held, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

EXPIRY = "2026-11-22T12:00:10Z"


async def test_event_becomes_a_result_and_its_offset_is_done() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    await processor.feed("a", 5)
    await until(lambda: processor.committed == 6)
    (message,) = processor.results()
    assert Result.model_validate_json(message.value or b"").id == "a"
    assert processor.counted(Received) == processor.counted(Settled) == 1
    assert processor.conservation_delta == 0


async def test_failure_becomes_a_dead_letter_and_its_offset_is_done() -> None:
    processor = MemoryProcessor(ScriptedPipeline({"a": [failed()]}))
    await processor.feed("a", 5)
    await until(lambda: processor.committed == 6)
    assert len(processor.letters()) == 1
    assert not processor.results()


async def test_unreadable_record_becomes_a_dead_letter_without_a_pipeline() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    await processor.redeliver(record(b"\xff", offset=5))
    await until(lambda: processor.committed == 6)
    assert processor.letters()[0].value == b"\xff"
    assert processor.pipeline.runs == []


async def test_nothing_is_done_before_the_broker_has_it() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.outbox.open.clear()
    await processor.feed("a", 5)
    await until(lambda: processor.outbox.waiting == 1)
    assert processor.committed == 5
    assert processor.runner.in_flight == 1
    processor.outbox.open.set()
    await until(lambda: processor.committed == 6)
    assert processor.runner.in_flight == 0


async def test_slow_head_holds_the_watermark_and_nobody_else() -> None:
    pipeline = ScriptedPipeline()
    pipeline.hold_back("head")
    processor = MemoryProcessor(pipeline)
    for offset, name in enumerate(("head", "b", "c")):
        await processor.feed(name, offset)
    await until(lambda: len(processor.results()) == 2)
    assert processor.committed == 0
    assert processor.runner.uncommitted == 3
    processor.clock.advance(9)
    assert processor.runner.oldest_uncommitted_age_s == 9
    pipeline.let_go("head")
    await until(lambda: processor.committed == 3)


async def test_record_that_waits_gives_its_slot_back() -> None:
    pipeline = ScriptedPipeline({"waits": [held(1000.0 + 3600)]})
    processor = MemoryProcessor(pipeline, max_in_flight=1)
    await processor.feed("waits", 0)
    await until(lambda: processor.runner.held == {"outage": 1})
    await processor.feed("b", 1)
    await until(lambda: len(processor.results()) == 1)
    assert processor.runner.in_flight == 0
    assert processor.conservation_delta == 0
    assert await processor.runner.drain(0) == 1


async def test_slots_bound_what_runs_at_once() -> None:
    pipeline = ScriptedPipeline()
    pipeline.hold_back("a", "b")
    processor = MemoryProcessor(pipeline, max_in_flight=1)
    await processor.feed("a", 0)
    await processor.feed("b", 1)
    await until(lambda: pipeline.runs == ["a"])
    assert processor.runner.in_flight == 2
    pipeline.let_go("a")
    await until(lambda: pipeline.runs == ["a", "b"])
    pipeline.let_go("b")
    await until(lambda: processor.committed == 2)


async def test_held_record_goes_on_where_it_was_when_its_time_comes() -> None:
    wait = held(1000.0, progress=Progress(dependency_attempts=4))
    processor = MemoryProcessor(ScriptedPipeline({"a": [wait, completed()]}))
    await processor.feed("a", 0)
    await until(lambda: processor.committed == 1)
    assert processor.pipeline.progress == [Progress(), wait.progress]


async def test_expiry_shortens_a_hold() -> None:
    wait = held(1000.0 + 3600)
    expired = failed(Disposition.DEADLINE_EXPIRED)
    processor = MemoryProcessor(ScriptedPipeline({"a": [wait, expired]}))
    processor.wall.now = WRITTEN_AT + 10 - 0.001
    await processor.feed("a", 0, expires_at=EXPIRY)
    await asyncio.wait_for(processor.outbox.published.wait(), 5)  # a real millisecond
    await until(lambda: processor.committed == 1)
    assert processor.pipeline.runs == ["a", "a"]


async def test_record_that_is_held_even_after_its_expiry_does_not_spin() -> None:
    pipeline = ScriptedPipeline({"a": [held(1000.0 + 3600), held(1000.0 + 3600)]})
    processor = MemoryProcessor(pipeline)
    processor.wall.now = WRITTEN_AT + 10
    await processor.feed("a", 0, expires_at=EXPIRY)
    await until(lambda: processor.runner.held == {"outage": 1})
    await processor.feed("b", 1)
    await until(lambda: len(processor.results()) == 1)
    assert pipeline.runs == ["a", "b"]
    assert await processor.runner.drain(0) == 1


async def test_exception_while_settling_is_trouble_and_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.outbox.broken = RuntimeError("my card is lost")
    await processor.feed("a", 0)
    await until(lambda: bool(processor.runner.trouble))
    assert processor.runner.trouble == "RuntimeError while settling a record"
    assert processor.committed == 0
    assert processor.runner.in_flight == 0
    assert processor.conservation_delta == 1
    (line,) = [line for line in caplog.records if line.levelno == logging.CRITICAL]
    assert line.event == "runner_failed"  # type: ignore[attr-defined]
    shown = logging.Formatter().format(line)
    assert "in publish" in shown
    assert "settlement.py" in shown
    assert "my card is lost" not in shown


async def test_second_delivery_of_a_running_record_is_a_repetition() -> None:
    pipeline = ScriptedPipeline()
    pipeline.hold_back("a")
    processor = MemoryProcessor(pipeline)
    await processor.feed("a", 0)
    await processor.feed("a", 0)
    assert processor.counted(Repeated) == 1
    assert processor.conservation_delta == 0
    pipeline.let_go("a")
    await until(lambda: processor.committed == 1)
    assert pipeline.runs == ["a"]


async def test_second_delivery_of_an_ended_record_is_a_repetition() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    await processor.feed("a", 0)
    await until(lambda: processor.committed == 1)
    await processor.feed("a", 0)
    assert (processor.counted(Repeated), processor.counted(Released)) == (1, 0)
    assert processor.pipeline.runs == ["a"]
    assert processor.conservation_delta == 0


async def test_same_id_at_two_offsets_is_two_records() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    await processor.feed("a", 0)
    await processor.feed("a", 1)
    await until(lambda: processor.committed == 2)
    assert len({dict(message.headers)["ce_id"] for message in processor.results()}) == 2


async def test_record_is_counted_between_its_end_and_the_cleaning_up() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    deltas = []
    await processor.feed("a", 0)
    while not processor.counted(Settled):
        await asyncio.sleep(0)
        deltas.append(processor.conservation_delta)
    assert set(deltas) == {0}


def test_runner_says_what_it_is() -> None:
    processor = MemoryProcessor(ScriptedPipeline())
    processor.fetch(record(event(), offset=7))
    assert "Runner(realtime, 0 records, " in repr(processor.runner)
    assert "interactions.realtime[3]" in repr(processor.runner)
    assert processor.runner.name == "realtime"
