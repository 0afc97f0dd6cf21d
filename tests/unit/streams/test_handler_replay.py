"""Dead letters that are sent again."""

from typing import Any

import pytest

from schemas.dead_letter import SENT_TO_HEADER, Disposition
from schemas.results import Result
from schemas.workload import WorkloadClass
from streams.record import Message
from streams.source import letter_id, result_id, source_of
from tests.builders import reply, task
from tests.fakes import until
from tests.hasty_loop import HASTY
from tests.stream_builders import INPUT, REPLAYS, event, facts, headers, record, replayed
from tests.stream_crew import Crew, repeated
from tests.stream_fakes import CallingPipeline, MemoryProcessor

BAD = reply('{"label":"bag","score":3}')
RECORD = record(event(id="a"), offset=41)
EXPIRED = record(event(id="a", expires_at="2026-11-22T11:00:00Z"), offset=41)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def opened(crew: Crew) -> dict[WorkloadClass, int]:
    return (await crew.store.group()).open_letters


async def fails(crew: Crew, given: Any = RECORD) -> Message:  # noqa: ANN401 - a record
    """The letter of a record whose answers are invalid."""
    worker = crew.worker(CallingPipeline(BAD, BAD))
    await worker.redeliver(given)
    await until(lambda: len(worker.letters() + worker.parked()) == 1)
    await worker.claims.stop()
    return (worker.letters() + worker.parked())[0]


async def succeeds(crew: Crew, letter: Message, **changes: Any) -> MemoryProcessor:  # noqa: ANN401
    """A worker for which the replay of a letter goes well."""
    worker = crew.worker(CallingPipeline(reply()))
    await worker.redeliver(replayed(letter, **changes))
    await until(lambda: len(worker.results()) == 1)
    await worker.claims.stop()
    assert worker.conservation_delta == 0
    return worker


async def test_result_of_a_replay_is_that_of_its_source(crew: Crew) -> None:
    letter = await fails(crew)
    (message,) = (await succeeds(crew, letter, offset=7)).results()
    source = Result.model_validate_json(message.value or b"").source
    assert (source.topic, source.partition, source.offset) == (INPUT, 3, 41)
    assert facts(message)["ce_id"] == result_id(source_of(RECORD), "label")
    assert not [name for name in facts(message) if "dlq" in name]


async def test_letter_is_open_until_its_replay_ends_well(crew: Crew) -> None:
    letter = await fails(crew)
    assert await opened(crew) == {WorkloadClass.REALTIME: 1}
    await succeeds(crew, letter)
    assert await opened(crew) == {}


async def test_first_replay_that_fails_is_a_letter_again_and_counters_add_up(crew: Crew) -> None:
    first = await fails(crew)
    second = await fails(crew, replayed(first))
    before, after = facts(first), facts(second)
    source = source_of(RECORD)
    assert before["dlq.id"] == letter_id(source, 0)
    assert after["dlq.id"] == letter_id(source, 1)
    assert (before["dlq.replay.count"], after["dlq.replay.count"]) == ("0", "1")
    assert (before["dlq.attempts.record"], after["dlq.attempts.record"]) == ("2", "4")
    assert (before["dlq.cost.microusd"], after["dlq.cost.microusd"]) == ("40", "80")
    assert (before["__dlq.errors.delivery.count"], after["__dlq.errors.delivery.count"]) == (
        *("2", "4"),
    )
    assert len(second.headers) == len(after)
    assert await opened(crew) == {WorkloadClass.REALTIME: 1}


async def test_second_replay_that_fails_is_parked(crew: Crew) -> None:
    letter = await fails(crew)
    letter = await fails(crew, replayed(letter))
    worker = crew.worker(CallingPipeline(BAD, BAD))
    await worker.redeliver(replayed(letter))
    await until(lambda: len(worker.parked()) == 1)
    await worker.claims.stop()
    told = facts(worker.parked()[0])
    assert worker.letters() == []
    assert (told["dlq.disposition"], told["dlq.error.type"]) == (
        Disposition.REPLAY_CAP,
        Disposition.OUTPUT_INVALID,
    )
    assert (told["dlq.replay.count"], told["dlq.attempts.record"]) == ("2", "6")
    assert told["dlq.error.class"] == "OutputInvalid"
    assert await opened(crew) == {}
    assert worker.metrics.open_records() == 0


async def test_replay_is_another_purchase_and_is_paid_once_itself(crew: Crew) -> None:
    letter = await fails(crew)
    await succeeds(crew, letter)
    again = crew.worker(CallingPipeline())
    await again.redeliver(replayed(letter, offset=9))  # sent twice
    await repeated(again)


async def test_record_stays_settled_while_its_letter_is_replayed(crew: Crew) -> None:
    await fails(crew)
    again = crew.worker(CallingPipeline())
    await again.redeliver(RECORD)
    await repeated(again)


async def test_replay_to_the_input_topic_is_a_replay(crew: Crew) -> None:
    letter = await fails(crew)
    worker = await succeeds(crew, letter, topic=INPUT, offset=99)
    source = Result.model_validate_json(worker.results()[0].value or b"").source
    assert source.offset == 41
    assert await opened(crew) == {}


async def test_expired_event_is_done_when_its_replay_says_so(crew: Crew) -> None:
    letter = await fails(crew)
    late = replayed(letter, value=EXPIRED.value, timestamp=RECORD.timestamp)
    worker = crew.worker(CallingPipeline())
    await worker.redeliver(late)
    await until(lambda: len(worker.letters()) == 1)
    assert facts(worker.letters()[0])["dlq.disposition"] == Disposition.DEADLINE_EXPIRED
    ignoring = headers(**dict(late.headers), **{"dlq.replay.ignore.expiry": b"true"})
    other = await fails(crew, record(event(id="b"), offset=42))
    told = (*replayed(other).headers, *ignoring[-1:])
    await succeeds(crew, other, value=EXPIRED.value, headers=told)


async def test_mark_of_a_replay_that_went_elsewhere_is_no_work(crew: Crew) -> None:
    letter = await fails(crew)
    sent_to = (*replayed(letter).headers, (SENT_TO_HEADER, INPUT.encode()))
    mark = replayed(letter, value=None, headers=sent_to)
    worker = crew.worker(CallingPipeline(reply()))
    await worker.redeliver(mark)
    await repeated(worker)
    assert worker.letters() == []
    assert await opened(crew) == {WorkloadClass.REALTIME: 1}
    await worker.redeliver(replayed(letter, topic=INPUT, offset=99, headers=sent_to))
    await until(lambda: len(worker.results()) == 1)


@pytest.mark.parametrize(
    "given", [{"topic": INPUT}, {"value": RECORD.value}], ids=["on an input", "with a value"]
)
async def test_what_only_looks_like_a_mark_is_work(crew: Crew, given: dict[str, Any]) -> None:
    letter = await fails(crew)
    sent_to = (*replayed(letter).headers, (SENT_TO_HEADER, INPUT.encode()))
    worker = crew.worker(CallingPipeline(reply()))
    await worker.redeliver(replayed(letter, **{"value": None, "headers": sent_to} | given))
    await until(lambda: len(worker.letters() + worker.results()) == 1)


async def test_forged_headers_on_an_input_are_not_believed(crew: Crew) -> None:
    letter = await fails(crew, record(event(id="b"), offset=40))
    false = (*replayed(letter).headers, ("dlq.id", b"forged"))
    forged = record(event(id="a", expires_at="2026-11-22T11:00:00Z"), offset=41, headers=false)
    worker = crew.worker(CallingPipeline())
    await worker.redeliver(forged)
    await until(lambda: len(worker.letters()) == 1)
    told = facts(worker.letters()[0])
    assert (told["__dlq.errors.offset"], told["dlq.replay.count"]) == ("41", "0")
    assert told["dlq.id"] == letter_id(source_of(record(offset=41)), 0)
    assert told["dlq.attempts.record"] == "0"  # its own: nothing of the letter is added


async def test_replays_of_one_conversation_keep_their_order(crew: Crew) -> None:
    ordered = task(name="ordered", ordered=True)
    asked = {"task": "ordered", "conversation_id": "c-1"}
    letters = [
        await fails_ordered(crew, ordered, record(event(id=name, **asked), offset=offset))
        for offset, name in enumerate("abc")
    ]
    pipeline = CallingPipeline(reply(), reply(), reply())
    pipeline.hold_back("a")
    worker = crew.worker(pipeline, ordered)
    for offset, letter in enumerate(letters):
        await worker.redeliver(replayed(letter, offset=offset))
    await until(lambda: pipeline.runs == ["a"])
    pipeline.let_go("a")
    await until(lambda: len(worker.results()) == 3)
    assert pipeline.runs == ["a", "b", "c"]
    assert worker.runner.offsets.watermark((REPLAYS, 3)) == 3


async def fails_ordered(crew: Crew, ordered: Any, given: Any) -> Message:  # noqa: ANN401 - as given
    worker = crew.worker(CallingPipeline(BAD, BAD), ordered)
    await worker.redeliver(given)
    await until(lambda: len(worker.letters()) == 1)
    await worker.claims.stop()
    return worker.letters()[0]
