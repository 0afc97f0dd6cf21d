"""The replay of dead letters: forecast, start, resume; and their end by a person's word."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import spans
from streams.outbox import Outbox
from streams.replay import jobs, live
from streams.replay.dispatch import Dispatch, Send
from streams.replay.forecast import Forecast
from streams.replay.job import Job, Order
from streams.replay.ledger import Ledger
from streams.replay.letters import Filter, Letter, open_letters, read_open, survey
from streams.replay.messages import mark_of, parked_message, replay_message
from streams.replay.pace import Pace
from streams.topics import TopicNames

Say = Callable[[str], None]
# Letters sent so far, and how many there are to send at most.
Sent = Callable[[int, int], None]


async def forecast(settings: Settings, order: Order, counted: Forecast) -> None:
    """Count what a replay would do; nothing is written. Raises TopicMissing, KafkaUnavailable."""
    async with aclosing(open_letters(settings, order.wanted, order.limit)) as letters:
        async for letter in letters:
            await counted.add(letter)


async def start(settings: Settings, job: str, order: Order) -> Job:
    """Fix which letters a job may take, and write the order down.

    Raises TopicMissing, KafkaUnavailable, FilterTooLong.
    """
    names = TopicNames(settings)
    topics = [names.dead_letters(workload) for workload in order.wanted.classes]
    ends = {partition: span.end for partition, span in (await spans(settings, topics)).items()}
    made = Job(id=job, order=order, ends=ends)
    async with jobs.progress(settings, made) as progress:
        await progress.begin()
    return made


async def carry_out(
    settings: Settings, job: Job, counted: Forecast, ledger: Ledger, say: Say, sent: Sent
) -> Dispatch:
    """Send what a job has not sent yet, at its rate.

    A letter that is in a replay topic is not open, so what was sent before is not sent again.
    Raises TopicMissing, KafkaUnavailable.
    """
    with await survey(settings, job.order.wanted, job.ends) as register:
        left = register.left(job.id, job.order.limit)
        count = register.count()
        most = count if left is None else min(count, left)
        async with (
            jobs.progress(settings, job) as progress,
            live.watched(settings, say) as gate,
            _outbox(settings) as outbox,
            aclosing(read_open(settings, register, left)) as letters,
        ):
            send = _replay(settings, job)
            dispatch = Dispatch(outbox, send, ledger, say, reached=progress.reached)
            pace = Pace(job.order.rate)
            async for letter in letters:
                if await counted.add(letter):
                    await gate.passed()
                    await asyncio.sleep(pace.wait_s(time.monotonic()))
                    await dispatch.add(letter)
                    sent(dispatch.sent, most)
            await dispatch.flush()
            await progress.finish()
            sent(dispatch.sent, most)
    return dispatch


async def resolve(
    settings: Settings, wanted: Filter, limit: int, reason: str, ledger: Ledger, say: Say
) -> Dispatch:
    """Park the open letters that match, with a person's reason.

    Raises TopicMissing, KafkaUnavailable.
    """
    names = TopicNames(settings)
    parked = {names.dead_letters(w): names.parked(w) for w in WorkloadClass}

    async def park(outbox: Outbox, letter: Letter) -> None:
        await outbox.publish_letter(parked_message(letter, parked[letter.record.topic], reason))

    async with _outbox(settings) as outbox:
        dispatch = Dispatch(outbox, park, ledger, say)
        async with aclosing(open_letters(settings, wanted, limit)) as letters:
            async for letter in letters:
                await dispatch.add(letter)
        await dispatch.flush()
    return dispatch


def _replay(settings: Settings, job: Job) -> Send:
    names, order = TopicNames(settings), job.order
    classes = {names.dead_letters(w): w for w in WorkloadClass}

    async def send(outbox: Outbox, letter: Letter) -> None:
        workload = classes[letter.record.topic]
        replays = names.replay(workload)
        # The class's own input topic: a name in a header is data, and never where things go.
        topic = names.input(workload) if order.to_origin else replays
        message = replay_message(letter, topic, job.id, ignore_expiry=order.ignore_expiry)
        await outbox.publish_letter(message)
        if order.to_origin:
            # Last: a crash in between sends the replay again, which its journal knows; the other
            # way round it would not be sent at all.
            await outbox.publish(mark_of(message, replays))

    return send


@asynccontextmanager
async def _outbox(settings: Settings) -> AsyncIterator[Outbox]:
    outbox = Outbox(settings.kafka)
    try:
        await outbox.start()
        yield outbox
    finally:
        await outbox.stop()
