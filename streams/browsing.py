"""Reads topics without a group: for people and reports, never for work."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import Settings
from streams.connection import REQUEST_TIMEOUT_S, KafkaUnavailable, client_options
from streams.patience import make_patient
from streams.record import Record
from streams.topics import require

POLL_MS = 500
# Picked records closer together than this are read in one go.
NEAR = 200
# A partition without news must not keep the others waiting for long.
IDLE_MS = 20

# Topic, partition, offset.
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Offsets of one partition: the oldest kept, where to start reading, and the next one's."""

    kept: int
    start: int
    end: int


async def follow(settings: Settings, topic: str, *, from_beginning: bool) -> AsyncGenerator[Record]:
    """Yield records as they come, for ever. Raises TopicMissing, KafkaUnavailable."""
    async with _consumer(settings, [topic]) as consumer:
        partitions = list(consumer.assignment())
        ask = consumer.beginning_offsets if from_beginning else consumer.end_offsets
        _seek(consumer, await ask(partitions))
        while True:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    yield record_of(record)


async def read_all(
    settings: Settings, topics: Sequence[str], since: float = 0
) -> AsyncGenerator[Record]:
    """Yield what is in the topics at the start of the call, then end; the newest may follow.

    `since` is seconds since the epoch: each partition begins with its first record of that time or
    later, and older ones may follow it.
    """
    async with _consumer(settings, topics, fetch_max_wait_ms=IDLE_MS) as consumer:
        found = await _spans(consumer, since)
        left = {tp for tp, span in found.items() if span.end > span.start}
        _seek(consumer, {tp: span.start for tp, span in found.items()})
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset < found[tp].end:
                        yield record_of(record)
            left = {tp for tp in left if await consumer.position(tp) < found[tp].end}


async def spans(
    settings: Settings, topics: Sequence[str], since: float = 0
) -> dict[tuple[str, int], Span]:
    """Return what `read_all` would read now. Raises TopicMissing, KafkaUnavailable."""
    async with _consumer(settings, topics) as consumer:
        found = await _spans(consumer, since)
    return {(tp.topic, tp.partition): span for tp, span in found.items()}


async def _spans(consumer: AIOKafkaConsumer, since: float) -> dict[TopicPartition, Span]:
    partitions = list(consumer.assignment())
    kept = await consumer.beginning_offsets(partitions)
    since_ms = int(since * 1000)
    timed = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms)) if since else {}
    ends = await consumer.end_offsets(partitions)
    starts = {tp: (at.offset if at else ends[tp]) for tp, at in timed.items()} or kept
    return {tp: Span(kept=kept[tp], start=starts[tp], end=ends[tp]) for tp in partitions}


async def read_newest(settings: Settings, topic: str, count: int) -> AsyncGenerator[Record]:
    """Yield the newest records of each partition of a topic, at most `count` of each."""
    async with picking(settings, [topic]) as picker:
        places = await picker.newest(count)
        for record in (await picker.pick(places)).values():
            yield record


@asynccontextmanager
async def picking(settings: Settings, topics: Sequence[str]) -> AsyncIterator["Picker"]:
    """Open topics to read single records of them. Raises TopicMissing, KafkaUnavailable."""
    async with _consumer(settings, topics, fetch_max_wait_ms=IDLE_MS) as consumer:
        consumer.pause(*consumer.assignment())
        yield Picker(consumer)


class Picker:
    """Reads records by their places."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._next: dict[TopicPartition, int] = {}

    async def newest(self, count: int) -> list[Place]:
        """Return the last places of each partition, at most `count` of each."""
        partitions = list(self._consumer.assignment())
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        return [
            (tp.topic, tp.partition, offset)
            for tp in partitions
            for offset in range(max(begins[tp], ends[tp] - count), ends[tp])
        ]

    async def pick(self, places: Iterable[Place]) -> dict[Place, Record]:
        """Return the records of these places that are still there, by place."""
        wanted: defaultdict[TopicPartition, set[int]] = defaultdict(set)
        for topic, partition, offset in places:
            wanted[TopicPartition(topic, partition)].add(offset)
        found: dict[Place, Record] = {}
        async with asyncio.timeout(4 * REQUEST_TIMEOUT_S):
            for tp, offsets in wanted.items():
                for run in _runs(sorted(offsets)):
                    async for record in self._between(tp, run[0], run[-1]):
                        if record.offset in offsets:
                            found[record.topic, record.partition, record.offset] = record
        return found

    async def _between(self, tp: TopicPartition, first: int, last: int) -> AsyncGenerator[Record]:
        position = self._next.get(tp)
        if position is None or not position <= first <= position + NEAR:
            self._consumer.seek(tp, first)
            position = first
        self._consumer.resume(tp)
        while position <= last:
            most = last - position + 1
            found = await self._consumer.getmany(tp, timeout_ms=POLL_MS, max_records=most)
            for record in found.get(tp, ()):
                yield record_of(record)
            position = self._next[tp] = await self._consumer.position(tp)


def _runs(offsets: list[int]) -> Iterator[list[int]]:
    """Split sorted offsets where the gap is too wide to read through."""
    run = offsets[:1]
    for offset in offsets[1:]:
        if offset - run[-1] > NEAR:
            yield run
            run = []
        run.append(offset)
    yield run


def _seek(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Go to these offsets, at once.

    `seek_to_beginning` asks the broker, and loses to the same question of the client itself about
    the end of a fresh partition when that is answered last.
    """
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)


@asynccontextmanager
async def _consumer(
    settings: Settings, topics: Sequence[str], **more: int
) -> AsyncIterator[AIOKafkaConsumer]:
    counts = await require(settings, topics)
    consumer = AIOKafkaConsumer(**client_options(settings.kafka), enable_auto_commit=False, **more)
    make_patient(consumer._client)  # noqa: SLF001 - consumers show theirs to nobody
    try:
        async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):
            await consumer.start()
            consumer.assign([TopicPartition(t, p) for t, n in counts.items() for p in range(n)])
        yield consumer
    except (KafkaError, TimeoutError) as problem:
        raise KafkaUnavailable(
            f"Kafka at {settings.kafka.bootstrap_servers}: {type(problem).__name__}"
        ) from problem
    finally:
        await consumer.stop()


def record_of(record: Any) -> Record:  # noqa: ANN401 - aiokafka is untyped
    """Return our record for one of aiokafka's."""
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp / 1000,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
