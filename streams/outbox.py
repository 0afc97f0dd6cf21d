"""Publishes results and dead letters; returns only after the broker has them."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.sections import Kafka
from streams.producers import Producers
from streams.record import Message
from streams.troubles import NO_ANSWER, Troubles

log = logging.getLogger(__name__)

BACKOFF_S, BACKOFF_CAP_S = 0.2, 5.0
# What is not confirmed by then will not be: no broker is there.
STOP_S = 2.0
# Error texts are cut to this when the broker finds a letter too large.
SHORT_TEXT_BYTES = 1024
# Pieces of answers under way; when their topic takes none, further ones are dropped.
MOST_LOOSE = 1000
# How long no further piece is tried after one was refused.
MUTE_S = 5.0


class TooLargeForKafka(Exception):
    """The broker refuses this record for its size."""


class Outbox:
    """Publishes for all classes of this process.

    While a topic fails, one record at a time is tried and the others of that topic wait for it; no
    other topic does.
    """

    def __init__(
        self,
        kafka: Kafka,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kafka, self._clock = kafka, clock
        self._random = random or Random()  # noqa: S311 - jitter, not a secret
        self._producers = Producers(kafka)
        self._gates: dict[str, asyncio.Lock] = {}
        self._troubles = Troubles()
        self._loose: set[asyncio.Task[None]] = set()
        self._mute_until = 0.0

    def __repr__(self) -> str:
        return f"Outbox({self._kafka.bootstrap_servers})"

    @property
    def troubles(self) -> Mapping[str, str]:
        """Topics that take nothing, each with the name of the error, until they take a record.

        It failed for two seconds, or refused a letter for its size. "no answer": a broker is away.
        """
        found = self._troubles.at(self._clock())
        return {
            topic: (self._producers.silence(topic) or error) if error == NO_ANSWER else error
            for topic, error in found.items()
        }

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailable."""
        await self._producers.start()

    async def stop(self) -> None:
        """Give up what is not confirmed yet: it was not acknowledged either."""
        for task in tuple(self._loose):
            task.cancel()
        if not await self._producers.stop(STOP_S):
            log.warning("left without a broker's word", extra={"event": "outbox_stop"})

    async def watch(self, *topics: str) -> None:
        """Learn the partitions of these topics, so that `partitions` knows them."""
        for topic in topics:
            await self._producers.learn(topic)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 when that is not known."""
        return self._producers.partitions(topic)

    async def reaches_broker(self) -> bool:
        """Ask for metadata; whether any broker answered in time."""
        return await self._producers.reaches_broker()

    async def publish(self, message: Message) -> tuple[int, int]:
        """Publish, wait for the broker's word however long it takes; return partition and offset.

        An idempotent producer retries by itself without duplicates; what it gives up (a missing
        or denied topic, say) is tried again here. Raises TooLargeForKafka.
        """
        self._troubles.began(message.topic, self._clock())
        try:
            while True:
                if gate := self._gates.get(message.topic):
                    async with gate:
                        if self._gates.get(message.topic) is gate:
                            return await self._publish_alone(message)
                else:
                    try:
                        return await self._take(message)
                    except KafkaError as problem:
                        # Also for its size: refused was a batch, with others in it.
                        self._complain(message, problem, 0)
                        self._gates.setdefault(message.topic, asyncio.Lock())
        finally:
            self._troubles.ended(message.topic)

    async def publish_letter(self, message: Message) -> None:
        """Publish a dead letter; one that is too large loses the tail of its error text.

        Raises TooLargeForKafka when the original bytes alone are refused.
        """
        try:
            await self.publish(message)
        except TooLargeForKafka:
            short = tuple((name, _shortened(name, value)) for name, value in message.headers)
            try:
                await self.publish(replace(message, headers=short))
            except TooLargeForKafka:
                self._troubles.refused(message.topic, MessageSizeTooLargeError.__name__)
                raise

    def post(self, message: Message) -> None:
        """Publish without waiting and without promise: for pieces of an answer."""
        if len(self._loose) >= MOST_LOOSE or self._clock() < self._mute_until:
            return
        task = asyncio.create_task(self._try(message))
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

    async def _publish_alone(self, message: Message) -> tuple[int, int]:
        """Try until the topic takes it or refuses its size; after that the others go again."""
        attempt = 0
        while True:
            try:
                place = await self._take(message)
            except MessageSizeTooLargeError as problem:
                self._gates.pop(message.topic)
                raise TooLargeForKafka(f"{message.topic} refuses the record's size") from problem
            except KafkaError as problem:
                attempt += 1
                self._complain(message, problem, attempt)
                delay = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(attempt, 10))
                await asyncio.sleep(delay * self._random.uniform(0.5, 1))
            else:
                self._gates.pop(message.topic)
                return place

    async def _take(self, message: Message) -> tuple[int, int]:
        place = await self._send(message)
        self._troubles.took(message.topic, self._clock())
        return place

    def _complain(self, message: Message, problem: KafkaError, attempt: int) -> None:
        self._troubles.failed(message.topic, type(problem).__name__)
        log.warning(
            "cannot publish to %s: %s; trying again",
            message.topic,
            type(problem).__name__,
            extra={"event": "publish_failed", "topic": message.topic, "attempt": attempt},
        )

    async def _try(self, message: Message) -> None:
        try:
            await self._send(message)
        except KafkaError as problem:
            self._mute_until = self._clock() + MUTE_S
            log.debug("a delta was not published: %r", problem, extra={"event": "delta_lost"})

    async def _send(self, message: Message) -> tuple[int, int]:
        return await self._producers.send(message)


def _shortened(name: str, value: bytes) -> bytes:
    if name != "__dlq.errors.message":
        return value
    return value[:SHORT_TEXT_BYTES].decode("utf-8", "ignore").encode()  # no half character
