"""JSON Lines -> events in an input topic, each confirmed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from threading import Thread

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
            number = 0
            async for line in _read(lines):
                number += 1
                if not (value := line.strip()):
                    continue
                event = decode(_draft(value), workload, settings.app.max_event_bytes)
                if isinstance(event, Undecodable):
                    count.bad += 1
                    complain(number, f"{event.disposition}: {event.to_producer}")
                    continue
                await window.acquire()
                message = Message(topic=topic, key=event.key.encode(), value=value)
                group.create_task(send(number, message))
    finally:
        await outbox.stop()
    return count


async def _read(lines: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield lines as they come; what was read is sent while a pipe is quiet.

    The thread is a daemon: Ctrl-C does not wait for the next line.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(WINDOW)
    loop = asyncio.get_running_loop()

    def fill() -> None:
        with suppress(RuntimeError, CancelledError):  # the loop ended before the lines did
            for line in chain(lines, [None]):
                asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    Thread(target=fill, name="lines", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


def _workload(settings: Settings, topic: str) -> WorkloadClass:
    names = TopicNames(settings)
    workload = names.workload_of(topic)
    if workload is None:
        inputs = ", ".join(names.input(w) for w in WorkloadClass)
        raise NoInputTopic(f"{topic} takes no events; input topics are {inputs}")
    return workload


def _draft(value: bytes) -> Record:
    return Record(topic="", partition=0, offset=0, timestamp=0, key=None, value=value)
