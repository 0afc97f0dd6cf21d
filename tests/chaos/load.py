"""A steady load over all classes, the same for the same seed."""

import asyncio
import time
from collections.abc import Mapping
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.simulator import Simulator
from schemas.workload import WorkloadClass
from streams.topics import TopicNames
from tests.chaos.recipes import ONLY_RESULT, Ends, Kitchen, Recipe, plain
from tests.outputs import Source

RATES: Mapping[WorkloadClass, float] = {
    WorkloadClass.REALTIME: 10,
    WorkloadClass.INTERACTIVE: 4,
    WorkloadClass.TRANSACTIONAL: 5,
    WorkloadClass.BATCH: 5,
}
TICK_S = 0.05
# A publisher is patient: it outlives a minute without brokers.
SEND_MS, SENT_S = 150_000, 160.0
KEYS = 97


class Load:
    """Publishes at fixed rates from `start` to `stop`."""

    def __init__(
        self, bootstrap: str, names: TopicNames, partitions: int, simulator: Simulator
    ) -> None:
        self._names, self._simulator = names, simulator
        self.partitions = partitions
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._kitchen = Kitchen(simulator=simulator, draw=Random(0))
        self._recipe: Recipe = plain
        self._stem, self._number = "", 0
        self._running: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._ends: dict[bytes | None, Ends] = {}
        self.acknowledged: set[Source] = set()

    def __repr__(self) -> str:
        return f"Load({self._stem}, {self._number} published)"

    async def open(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            max_request_size=4 * 2**20,
            request_timeout_ms=SEND_MS,
            retry_backoff_ms=300,
        )
        await self._producer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self.stop()
        if self._producer:
            await self._producer.stop()

    def start(self, stem: str = "", recipe: Recipe = plain, draw: Random | None = None) -> None:
        """Begin, or go on with what was begun when nothing is given."""
        if stem:
            self._stem, self._number, self._recipe = stem, 0, recipe
            self._kitchen = Kitchen(simulator=self._simulator, draw=draw or Random(0))
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Publish nothing more, and wait until the brokers have all of it."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=SENT_S)

    def burst(self, workload: WorkloadClass, count: int) -> None:
        """Publish many at once."""
        for _ in range(count):
            self._send(workload)

    def special(self, workload: WorkloadClass, recipe: Recipe) -> None:
        """Publish one event of another recipe."""
        self._send(workload, recipe)

    def ends_of(self, value: bytes | None) -> Ends:
        """Return the ends that a record of this value may find."""
        return self._ends.get(value, ONLY_RESULT)

    async def _run(self) -> None:
        began, made = time.monotonic(), dict.fromkeys(RATES, 0)
        while True:
            for workload, rate in RATES.items():
                while made[workload] < int((time.monotonic() - began) * rate):
                    made[workload] += 1
                    self._send(workload)
            await asyncio.sleep(TICK_S)

    def _send(self, workload: WorkloadClass, recipe: Recipe | None = None) -> None:
        self._number += 1
        cook = recipe or self._recipe
        planned = cook(self._kitchen, f"{self._stem}-{self._number:06d}", workload)
        self._ends[planned.value] = planned.ends
        partition = self._kitchen.draw.randrange(self.partitions)
        key = f"customer-{self._number % KEYS}".encode()
        sending = self._publish(self._names.input(workload), planned.value, key, partition)
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _publish(self, topic: str, value: bytes | None, key: bytes, partition: int) -> None:
        """What is not acknowledged may still be in the log; who reads the log will know."""
        assert self._producer
        try:
            sent = await self._producer.send_and_wait(topic, value, key=key, partition=partition)
        except (KafkaError, OSError):
            return
        self.acknowledged.add((topic, sent.partition, sent.offset))
