"""Reads topics without a group: for people and reports, never for work."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.settings import Settings
from streams.connection import REQUEST_TIMEOUT_S, KafkaUnavailable, client_options
from streams.record import Record
from streams.topics import require

POLL_MS = 500


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


async def read_all(settings: Settings, topics: Sequence[str]) -> AsyncGenerator[Record]:
    """Yield what is in the topics at the start of the call, then end; the newest may follow."""
    async with _consumer(settings, topics) as consumer:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        left = {tp for tp in partitions if ends[tp] > begins[tp]}
        _seek(consumer, begins)
        while left:
            found = await consumer.getmany(*left, timeout_ms=POLL_MS)
            for tp, records in found.items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield record_of(record)
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}


def _seek(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Go to these offsets, at once.

    `seek_to_beginning` asks the broker, and loses to the same question of the client itself about
    the end of a fresh partition when that is answered last.
    """
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)


@asynccontextmanager
async def _consumer(settings: Settings, topics: Sequence[str]) -> AsyncIterator[AIOKafkaConsumer]:
    counts = await require(settings, topics)
    consumer = AIOKafkaConsumer(**client_options(settings.kafka), enable_auto_commit=False)
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
