"""The demo: publishes sample events into a local stack and waits until every one has ended."""

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaConsumer

from agents.simulator import Limits, SimulatorSettings
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import record_of
from streams.connection import client_options
from streams.local.sampling import Sample, samples
from streams.local.screen import Screen
from streams.local.stack import Stack
from streams.local.tally import Tally
from streams.outbox import Outbox
from streams.record import Message
from streams.topics import TopicNames

SETTLE_S = 180.0
POLL_MS = 200
# Enough for the whole demo in half a minute, and little enough to see the budget at work.
LIMITS = Limits(
    requests_per_minute=5000,
    input_tokens_per_minute=5_000_000,
    output_tokens_per_minute=1_000_000,
    burst_s=5,
)
# Quicker than most models write, so that the demo ends before the reader's patience.
SIMULATED = SimulatorSettings(limits=LIMITS, time_to_first_token_s=0.3, tokens_per_s=150, tail=0)
_USE = re.compile(r'headrace_budget_utilization_ratio\{.*?unit="(\w+)"\} (\S+)')


async def demo(count: int, screen: Screen) -> bool:
    """Run the whole demo; whether every event ended as it had to."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as folder:
        async with Stack(
            Path(folder), SIMULATED, extra_toml="[app]\ndrain_s = 3\n", on_progress=screen.say
        ) as stack:
            screen.say(f"up after {time.monotonic() - began:.1f} s; publishing {count} events")
            run = _Run(stack, samples(count, stack.settings().app.max_event_bytes), screen)
            await run.finish()
            screen.summary(run.tally, run.texts, stack.simulator.ledger.totals(), run.use)
    for line in run.tally.unexpected[:10]:
        screen.say(f"not as expected: {line}")
    if run.tally.open:
        screen.say(f"{run.tally.open} events have no end")
    return not run.tally.open and not run.tally.unexpected


class _Run:
    """Publishing, reading and watching, side by side."""

    def __init__(self, stack: Stack, wanted: list[Sample], screen: Screen) -> None:
        self.tally, self.use = Tally(), dict[str, float]()
        self.texts = {sample.event_id: sample.text for sample in wanted}
        self._stack, self._wanted, self._screen = stack, wanted, screen
        self._settings: Settings = stack.settings()
        self._names = TopicNames(self._settings)
        self._totals = Counter(sample.workload for sample in wanted)

    async def finish(self) -> None:
        """Publish all and read until all have ended, or `SETTLE_S` is over."""
        async with AsyncExitStack() as exits:
            outbox = Outbox(self._settings.kafka)
            await outbox.start()
            exits.push_async_callback(outbox.stop)
            consumer = AIOKafkaConsumer(
                *self._outputs(),
                **client_options(self._settings.kafka),
                auto_offset_reset="earliest",
                enable_auto_commit=False,
            )
            await consumer.start()
            exits.push_async_callback(consumer.stop)
            watching = asyncio.create_task(self._watch_budget())
            exits.callback(watching.cancel)
            with suppress(TimeoutError), self._screen:
                async with asyncio.timeout(SETTLE_S):
                    await self._publish(outbox)
                    await self._unless_worker_ends(self._read(consumer))

    async def _unless_worker_ends(self, reading: Coroutine[object, object, None]) -> None:
        tasks = {asyncio.create_task(reading), asyncio.create_task(self._stack.worker_ends())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    def _outputs(self) -> list[str]:
        return [f(w) for w in WorkloadClass for f in (self._names.result, self._names.dead_letters)]

    async def _publish(self, outbox: Outbox) -> None:
        async with asyncio.TaskGroup() as group:
            for sample in self._wanted:
                group.create_task(self._publish_one(outbox, sample))

    async def _publish_one(self, outbox: Outbox, sample: Sample) -> None:
        topic = self._names.input(sample.workload)
        message = Message(topic=topic, key=sample.key, value=sample.value)
        partition, offset = await outbox.publish(message)
        self.tally.published(
            sample.workload, (topic, partition, offset), time.time(), sample.expect
        )

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        letters = {self._names.dead_letters(w) for w in WorkloadClass}
        while self.tally.open:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for found in records:
                    record = record_of(found)
                    take = self.tally.dead_letter if found.topic in letters else self.tally.result
                    take(record)
            self._screen.show(self.tally, self._totals)

    async def _watch_budget(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self._stack.web_url}/metrics") as answer:
                    for unit, ratio in _USE.findall(await answer.text()):
                        self.use[unit] = max(self.use.get(unit, 0.0), float(ratio))
                await asyncio.sleep(1)
