"""The lag of the live groups, and the gate that it closes for a replay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.connection import admin, client_options
from streams.replay.pace import Tide
from streams.topics import TopicNames, require

LOOK_S = 2.0


class Gate:
    """Closed while live events pile up. `say` gets one line when that changes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._tide = Tide()
        self._open = asyncio.Event()
        self._open.set()

    async def passed(self) -> None:
        """Wait until it is open."""
        await self._open.wait()

    def look(self, lag: int) -> None:
        """Open or close by the lag as it is now, in records."""
        rises = self._tide.rises(lag)
        if rises and self._open.is_set():
            self._open.clear()
            self._say(f"waiting: live events pile up, {lag} are not done yet")
        elif not rises and not self._open.is_set():
            self._open.set()
            self._say("going on: live events pile up no longer")


@asynccontextmanager
async def watched(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[Gate]:
    """Look after the gate every two seconds. Raises TopicMissing, KafkaUnavailable."""
    names, gate = TopicNames(settings), Gate(say)
    counts = await require(settings, [names.input(w) for w in WorkloadClass])
    inputs = [TopicPartition(topic, p) for topic, n in counts.items() for p in range(n)]
    async with admin(settings.kafka) as client:
        consumer = AIOKafkaConsumer(**client_options(settings.kafka), enable_auto_commit=False)
        try:
            await consumer.start()
            gate.look(await _lag(settings, client, consumer, inputs))
            watching = asyncio.create_task(_watch(gate, settings, client, consumer, inputs))
            try:
                yield gate
            finally:
                watching.cancel()
                await asyncio.wait({watching})
        finally:
            await consumer.stop()


async def _watch(
    gate: Gate,
    settings: Settings,
    client: AIOKafkaAdminClient,
    consumer: AIOKafkaConsumer,
    inputs: list[TopicPartition],
) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        with suppress(KafkaError):  # nothing is sent either while no broker is there
            gate.look(await _lag(settings, client, consumer, inputs))


async def _lag(
    settings: Settings,
    client: AIOKafkaAdminClient,
    consumer: AIOKafkaConsumer,
    inputs: list[TopicPartition],
) -> int:
    """Return how many live events are not done: what a group has not committed."""
    ends = await consumer.end_offsets(inputs)
    done = await consumer.beginning_offsets(inputs)
    for workload in WorkloadClass:
        group = await client.list_consumer_group_offsets(f"{settings.app.name}.{workload}")
        done |= {tp: max(done[tp], entry.offset) for tp, entry in group.items() if tp in done}
    return sum(max(0, ends[tp] - done[tp]) for tp in inputs)
