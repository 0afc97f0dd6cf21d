"""JSON Lines -> events in an input topic, each confirmed."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from schemas.problem import Problem
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.codec import Undecodable, decode
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Message, Record
from streams.topics import TopicNames, require

# Events sent and not yet confirmed.
WINDOW = 500


class NoInputTopic(Problem):
    """That topic takes no events."""

    exit_status = 2


@dataclass(slots=True)
class Count:
    """How many lines went where."""

    sent: int = 0
    bad: int = 0


async def publish(
    settings: Settings,
    topic: str,
    lines: Iterable[bytes],
    complain: Callable[[int, str], None],
) -> Count:
    """Send every good line; `complain` gets number and reason of the others.

    Blank lines are skipped. Raises NoInputTopic, TopicMissing, KafkaUnavailable.
    """
    workload = _workload(settings, topic)
    await require(settings, [topic])
    count, window = Count(), asyncio.Semaphore(WINDOW)
    outbox = Outbox(settings.kafka)
    await outbox.start()

    async def send(number: int, message: Message) -> None:
        try:
            await outbox.publish(message)
            count.sent += 1
        except TooLargeForKafka as problem:
            count.bad += 1
            complain(number, str(problem))
        finally:
            window.release()

    try:
        async with asyncio.TaskGroup() as group:
            for number, line in enumerate(lines, 1):
                if not (value := line.strip()):
                    continue
                event = decode(_draft(value), workload, settings.app.max_event_bytes)
                if isinstance(event, Undecodable):
                    count.bad += 1
                    complain(number, f"{event.disposition}: {event.message}")
                    continue
                await window.acquire()
                message = Message(topic=topic, key=event.key.encode(), value=value)
                group.create_task(send(number, message))
    finally:
        await outbox.stop()
    return count


def _workload(settings: Settings, topic: str) -> WorkloadClass:
    names = TopicNames(settings)
    workload = names.workload_of(topic)
    if workload is None:
        inputs = ", ".join(names.input(w) for w in WorkloadClass)
        raise NoInputTopic(f"{topic} takes no events; input topics are {inputs}")
    return workload


def _draft(value: bytes) -> Record:
    return Record(topic="", partition=0, offset=0, timestamp=0, key=None, value=value)
