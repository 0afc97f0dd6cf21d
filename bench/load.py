"""A stack under a known load: publish events, wait for their ends, read the worker's CPU."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import orjson
import psutil
from aiokafka import AIOKafkaConsumer

from schemas.workload import WorkloadClass
from streams.connection import client_options
from streams.local.stack import Stack
from streams.outbox import Outbox
from streams.record import Message
from streams.topics import TopicNames

WAIT_S = 300.0
WINDOW = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One result: times in seconds since the epoch and milliseconds, as the envelope has them."""

    workload: str
    published_at: float
    ended_at: float
    queued_ms: float
    claude_ms: float
    total_ms: float


class Load:
    """Publishes and collects on one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.settings = stack, stack.settings()
        self.names = TopicNames(self.settings)
        self.ended: list[Ended] = []
        self._exits = AsyncExitStack()
        self._outbox = Outbox(self.settings.kafka)
        self._sent_at: dict[str, float] = {}
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._outbox.start()
        self._exits.push_async_callback(self._outbox.stop)
        consumer = AIOKafkaConsumer(
            *(self.names.result(w) for w in WorkloadClass),
            **client_options(self.settings.kafka),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        self._exits.push_async_callback(consumer.stop)
        reading = asyncio.create_task(self._read(consumer))
        self._exits.callback(reading.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def publish(self, workload: WorkloadClass, events: Sequence[dict[str, object]]) -> None:
        """Publish all of them, `WINDOW` at a time."""
        for first in range(0, len(events), WINDOW):
            chunk = events[first : first + WINDOW]
            await asyncio.gather(*(self.publish_one(workload, event) for event in chunk))

    async def publish_one(self, workload: WorkloadClass, event: dict[str, object]) -> None:
        """Publish one event."""
        key = str(event["id"])
        self._sent_at[key] = time.time()
        message = Message(
            topic=self.names.input(workload), key=key.encode(), value=orjson.dumps(event)
        )
        await self._outbox.publish(message)

    async def until(self, count: int, workload: WorkloadClass | None = None) -> None:
        """Wait until so many results are there."""
        async with asyncio.timeout(WAIT_S):
            while self.count(workload) < count:
                await self._came.wait()
                self._came.clear()

    def count(self, workload: WorkloadClass | None = None) -> int:
        """How many results there are."""
        return len(self.of(workload))

    def of(self, workload: WorkloadClass | None = None) -> list[Ended]:
        """Results of one class, or all."""
        return [e for e in self.ended if workload in (None, e.workload)]

    def worker_cpu_s(self) -> float:
        """User and system time of the worker so far."""
        times = psutil.Process(self.stack.worker_pid).cpu_times()
        return float(times.user + times.system)

    def worker_memory_mib(self) -> float:
        """Resident memory of the worker."""
        return float(psutil.Process(self.stack.worker_pid).memory_info().rss) / 2**20

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            self._came.set()
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    body = orjson.loads(record.value)
                    timing = body["timing"]
                    self.ended.append(
                        Ended(
                            workload=body["workload"],
                            published_at=self._sent_at[body["id"]],
                            ended_at=record.timestamp / 1000,
                            queued_ms=timing["queued_ms"],
                            claude_ms=timing["claude_ms"],
                            total_ms=timing["total_ms"],
                        )
                    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile by rank."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]
