"""Publishes results and dead letters; returns only after the broker has them."""

import asyncio
import logging
from dataclasses import replace
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.sections import Kafka
from streams.connection import REQUEST_TIMEOUT_S, KafkaUnavailable, client_options
from streams.record import Message

log = logging.getLogger(__name__)

BACKOFF_S, BACKOFF_CAP_S = 0.2, 5.0
RETIRE_S = 30.0
# What is not confirmed by then will not be: no broker is there.
STOP_S = 2.0
# The broker decides about sizes, topic by topic; our own bound only stops absurd ones.
MAX_REQUEST_BYTES = 8 * 2**20
# The default of 16 KiB makes hundreds of senders queue for one batch, each woken by every other.
BATCH_BYTES = 128 * 2**10
# Kafka takes a record with neither key nor value, aiokafka asserts that there is none: a tombstone
# without a key goes past the assertion as this, and becomes null in the serializer.
_NOTHING: Any = object()
# Error texts are cut to this when the broker finds a letter too large.
SHORT_TEXT_BYTES = 1024


class TooLargeForKafka(Exception):
    """The broker refuses this record for its size."""


class Outbox:
    """One idempotent producer a process, shared by all classes."""

    def __init__(self, kafka: Kafka, random: Random | None = None) -> None:
        self._kafka = kafka
        self._random = random or Random()  # noqa: S311 - jitter, not a secret
        self._producer: AIOKafkaProducer | None = None
        self._loose: set[asyncio.Task[None]] = set()
        self._watched: set[str] = set()
        self._renewing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Outbox({self._kafka.bootstrap_servers})"

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        self._producer = self._producer or await self._connected()

    async def stop(self) -> None:
        """Give up what is not confirmed yet: it was not acknowledged either."""
        producer, self._producer = self._producer, None
        for task in tuple(self._loose):
            task.cancel()
        if producer:
            try:
                async with asyncio.timeout(STOP_S):
                    await producer.stop()
            except TimeoutError:
                log.warning("left without a broker's word", extra={"event": "outbox_stop"})

    async def watch(self, *topics: str) -> None:
        """Learn the partitions of these topics, so that `partitions` knows them."""
        self._watched |= set(topics)
        await self._learn(self._running)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 when that is not known."""
        return len(self._running.client.cluster.partitions_for_topic(topic) or ())

    async def reaches_broker(self) -> bool:
        """Ask for metadata; whether any broker answered in time."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return bool(await self._running.client.force_metadata_update())
        except Exception:  # noqa: BLE001 - whatever keeps it from answering, it does not answer
            return False

    async def publish(self, message: Message) -> tuple[int, int]:
        """Publish, wait for the broker's word however long it takes; return partition and offset.

        An idempotent producer retries by itself without duplicates; what it gives up (a missing
        or denied topic, say) is tried again here. Raises TooLargeForKafka.
        """
        attempt = 0
        while True:
            producer = self._producer
            try:
                return await self._send(message)
            except MessageSizeTooLargeError as problem:
                await self._renew(producer)
                raise TooLargeForKafka(f"{message.topic} refuses the record's size") from problem
            except KafkaError as problem:
                await self._renew(producer)
                attempt += 1
                log.warning(
                    "cannot publish to %s: %s; trying again",
                    message.topic,
                    type(problem).__name__,
                    extra={"event": "publish_failed", "topic": message.topic, "attempt": attempt},
                )
                delay = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(attempt, 10))
                await asyncio.sleep(delay * self._random.uniform(0.5, 1))

    async def publish_letter(self, message: Message) -> None:
        """Publish a dead letter; one that is too large loses the tail of its error text.

        Raises TooLargeForKafka when the original bytes alone are refused.
        """
        try:
            await self.publish(message)
        except TooLargeForKafka:
            short = tuple((name, _shortened(name, value)) for name, value in message.headers)
            await self.publish(replace(message, headers=short))

    def post(self, message: Message) -> None:
        """Publish without waiting and without promise: for pieces of an answer."""
        task = asyncio.create_task(self._try(message))
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

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
        try:
            await producer.start()
            await self._learn(producer)
        except KafkaError as problem:
            await producer.stop()
            raise KafkaUnavailable(
                f"Kafka at {self._kafka.bootstrap_servers} cannot be used: {type(problem).__name__}"
            ) from problem
        return producer

    async def _learn(self, producer: AIOKafkaProducer) -> None:
        for topic in self._watched:
            await producer.partitions_for(topic)

    async def _renew(self, failed: AIOKafkaProducer | None) -> None:
        """Replace a producer of which a batch was refused.

        aiokafka does not give a refused batch's sequence numbers back: to the broker the next
        batch of that partition is out of order, and so is every one after it.
        """
        async with self._renewing:
            if failed is None or self._producer is not failed:
                return  # replaced already, or stopped
            try:
                self._producer = await self._connected()
            except KafkaUnavailable:
                return  # the next failure tries again
            retiring = asyncio.create_task(self._retire(failed))
            self._loose.add(retiring)
            retiring.add_done_callback(self._loose.discard)

    async def _retire(self, producer: AIOKafkaProducer) -> None:
        """Let it finish what it can; what it cannot, its senders publish anew."""
        await asyncio.wait({asyncio.create_task(producer.stop())}, timeout=RETIRE_S)

    async def _try(self, message: Message) -> None:
        try:
            await self._send(message)
        except KafkaError as problem:
            log.debug("a delta was not published: %r", problem, extra={"event": "delta_lost"})

    async def _send(self, message: Message) -> tuple[int, int]:
        future: asyncio.Future[Any] = await self._running.send(
            message.topic,
            value=_NOTHING if message.value is None else message.value,
            key=message.key,
            partition=message.partition,
            headers=list(message.headers),
        )
        written = await future
        return written.partition, written.offset

    @property
    def _running(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the outbox is not started")
        return self._producer


def _shortened(name: str, value: bytes) -> bytes:
    if name != "__dlq.errors.message":
        return value
    return value[:SHORT_TEXT_BYTES].decode("utf-8", "ignore").encode()  # no half character


def _or_null(value: Any) -> bytes | None:  # noqa: ANN401 - bytes, or the mark of none
    return None if value is _NOTHING else value
