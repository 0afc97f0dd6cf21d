"""aiokafka's idempotent producers: one for all topics that behave, one for each that does not."""

import asyncio
from collections.abc import Collection
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from schemas.sections import Kafka
from streams.connection import REQUEST_TIMEOUT_S, KafkaUnavailable, client_options, unusable
from streams.patience import make_patient
from streams.record import Message

RETIRE_S = 30.0
# The broker decides about sizes, topic by topic; our own bound only stops absurd ones.
MAX_REQUEST_BYTES = 8 * 2**20
# The default of 16 KiB makes hundreds of senders queue for one batch, each woken by every other.
BATCH_BYTES = 128 * 2**10
# Kafka takes a record with neither key nor value, aiokafka asserts that there is none: a tombstone
# without a key goes past the assertion as this, and becomes null in the serializer.
_NOTHING: Any = object()


class Producers:
    """The shared producer, and those of topics that refused a batch.

    aiokafka does not give a refused batch's sequence numbers back: to the broker the next batch of
    that partition is out of order, and so is every one after it. Other topics are not touched.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._common: AIOKafkaProducer | None = None
        self._own: dict[str, AIOKafkaProducer] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Producers({self._kafka.bootstrap_servers}, {sorted(self._own)})"

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        self._common = self._common or await self._connected()

    async def stop(self, within_s: float) -> bool:
        """Wait so long for what is not confirmed yet, then give it up; whether all was."""
        going = [self._common, *self._own.values()]
        self._common, self._own = None, {}
        ends = {asyncio.create_task(producer.stop()) for producer in going if producer}
        left = ends | self._retiring
        if left:
            _, left = await asyncio.wait(left, timeout=within_s)
        for task in left:
            task.cancel()
        return not left

    async def send(self, message: Message) -> tuple[int, int]:
        """Send, and wait for the broker's word; return partition and offset. Raises KafkaError."""
        while True:
            producer = self._of(message.topic)
            known = await _partitions(producer, message.topic)
            try:
                queued: asyncio.Future[Any] = await producer.send(
                    message.topic,
                    value=_NOTHING if message.value is None else message.value,
                    key=message.key,
                    # A topic that was made anew may have fewer.
                    partition=message.partition if message.partition in known else None,
                    headers=list(message.headers),
                )
            except KafkaTimeoutError:  # a full buffer: the broker is away, or slow
                continue
            try:
                written = await queued
            except KafkaError:
                await self._renew(message.topic, producer)
                raise
            return written.partition, written.offset

    async def learn(self, topic: str) -> None:
        """Learn the partitions of a topic."""
        await self._shared.partitions_for(topic)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 when that is not known."""
        return len(self._shared.client.cluster.partitions_for_topic(topic) or ())

    async def reaches_broker(self) -> bool:
        """Whether any broker answers in time."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return bool(await self._shared.client.force_metadata_update())
        except Exception:  # noqa: BLE001 - whatever keeps it from answering, it does not answer
            return False

    def silence(self, topic: str) -> str:
        """Name the error that a producer waits out without a word; "" when it knows of none."""
        cluster = self._of(topic).client.cluster
        partitions = cluster.partitions_for_topic(topic)
        if topic in cluster.unauthorized_topics:
            return "TopicAuthorizationFailedError"
        if partitions is None:
            return "UnknownTopicOrPartitionError"
        led = cluster.available_partitions_for_topic(topic) or set()
        return "" if partitions <= led else "LeaderNotAvailableError"

    async def _connected(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **client_options(self._kafka),
            value_serializer=_or_null,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_REQUEST_BYTES,
            max_batch_size=BATCH_BYTES,
            metadata_max_age_ms=15_000,
        )
        make_patient(producer.client)
        try:
            await producer.start()
        except KafkaError as problem:
            await producer.stop()
            raise await unusable(self._kafka, problem) from problem
        return producer

    async def _renew(self, topic: str, failed: AIOKafkaProducer) -> None:
        """Give a topic a producer of its own, or a new one."""
        async with self._renewing:
            if self._common is None or self._of(topic) is not failed:
                return  # stopped, or replaced already
            try:
                self._own[topic] = await self._connected()
            except KafkaUnavailable:
                return  # the next failure tries again
        if failed is not self._common:
            task = asyncio.create_task(_retire(failed))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def _of(self, topic: str) -> AIOKafkaProducer:
        return self._own.get(topic) or self._shared

    @property
    def _shared(self) -> AIOKafkaProducer:
        if self._common is None:
            raise RuntimeError("the outbox is not started")
        return self._common


async def _partitions(producer: AIOKafkaProducer, topic: str) -> Collection[int]:
    """Return a topic's partitions as metadata tell them now. Raises KafkaError.

    aiokafka would ask again and again for each record that waits.
    """
    cluster = producer.client.cluster
    if (known := cluster.partitions_for_topic(topic)) is None:
        producer.client.add_topic(topic)
        await producer.client.force_metadata_update()
        known = cluster.partitions_for_topic(topic)
    if known is None and topic in cluster.unauthorized_topics:
        raise TopicAuthorizationFailedError(topic)
    if known is None:
        raise UnknownTopicOrPartitionError(topic)
    found: Collection[int] = known
    return found


async def _retire(producer: AIOKafkaProducer) -> None:
    """Let it finish what it can; its topic's next records go another way."""
    stopping = asyncio.create_task(producer.stop())
    await asyncio.wait({stopping}, timeout=RETIRE_S)
    stopping.cancel()


def _or_null(value: Any) -> bytes | None:  # noqa: ANN401 - bytes, or the mark of none
    return None if value is _NOTHING else value
