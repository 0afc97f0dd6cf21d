"""The installed Faust has the seams that `streams/intake.py` uses, and behaves as it assumes."""

import inspect
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import Any

import faust
import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.sections import Kafka
from schemas.workload import WorkloadClass
from streams.intake import Intake, SafeConsumer, SafeTransport
from streams.offsets import Offsets
from streams.record import Record
from tests.harness import PARTITIONS, Rig, event
from tests.outputs import body
from tests.worker_process import until

EVENTS = TP("events", 0)
REALTIME = WorkloadClass.REALTIME


class Reading:
    """An intake and everything it delivered; nothing is done before a test says so."""

    def __init__(self, topic: str, kafka: Kafka, group: str = "group") -> None:
        self.offsets = Offsets()
        self.records: list[Record] = []
        self.intake = Intake(group, [topic], kafka, self.offsets, self._keep)

    @classmethod
    @asynccontextmanager
    async def of(cls, rig: Rig) -> AsyncIterator["Reading"]:
        reading = cls(rig.names.input(REALTIME), rig.settings.kafka, f"{rig.name}.realtime")
        await reading.intake.start()
        try:
            yield reading
        finally:
            await reading.intake.stop()

    @property
    def places(self) -> set[tuple[int, int]]:
        return {(record.partition, record.offset) for record in self.records}

    @property
    def assigned(self) -> set[tuple[str, int]]:
        return {tuple(tp) for tp in self.intake.consumer.assignment()}

    async def _keep(self, record: Record) -> None:
        self.records.append(record)


@contextmanager
def consumer_of(app: faust.App) -> Iterator[Any]:
    """A consumer that is never started, and so does not close its thread's event loop."""
    consumer = app._new_consumer()
    try:
        yield consumer
    finally:
        consumer._thread.thread_loop.close()


@pytest.mark.parametrize(
    "seam",
    [
        (SafeConsumer, driver.Consumer, "_to_message"),
        (SafeConsumer, driver.Consumer, "_filter_tps_with_pending_acks"),
        (SafeConsumer, driver.Consumer, "_new_offset"),
        (SafeConsumer, driver.Consumer, "_add_gap"),
        (SafeConsumer, driver.Consumer, "on_partitions_revoked"),
        (Intake, faust.App, "_new_transport"),
    ],
    ids=lambda seam: seam[2],
)
def test_what_we_replace_is_there_and_is_called_alike(seam: tuple[type, type, str]) -> None:
    mine, theirs, name = seam
    assert name in vars(mine)
    replaced = inspect.signature(getattr(theirs, name)).parameters
    assert list(inspect.signature(getattr(mine, name)).parameters) == list(replaced)


async def test_intake_commits_with_our_consumer() -> None:
    intake = Reading("events", Kafka()).intake
    assert isinstance(intake.transport, SafeTransport)
    with consumer_of(intake) as consumer:
        assert isinstance(consumer, SafeConsumer)


async def test_settings_that_keep_faust_safe() -> None:
    conf = Reading("events", Kafka()).intake.conf
    assert conf.stream_wait_empty is False
    assert conf.web_enabled is False
    assert conf.topic_allow_declare is False
    assert conf.processing_guarantee.value == "at_least_once"


# Each case: what was fetched, what is done, what was committed, and where stock Faust goes.
CASES = {
    "a fresh group, the first five in flight": (range(8), (5, 6, 7), None, 8),
    "the record after the last commit in flight": (range(10, 14), (11, 12, 13), 10, 14),
    "the record after a gap in flight": ((0, 1, 5, 6), (0, 1, 6), None, 7),
}


@pytest.mark.parametrize("case", CASES)
async def test_stock_faust_commits_past_unfinished_work(case: str) -> None:
    fetched, done, committed, goes_to = CASES[case]
    with consumer_of(faust.App("stock", broker="kafka://localhost:9092")) as consumer:
        consumer._committed_offset[EVENTS] = committed
        for before, after in pairwise(fetched):
            if after - before > 1:
                # What `Consumer._drain_messages` does with a gap in the offsets.
                await consumer._add_gap(EVENTS, before + 1, after)
        consumer._acked[EVENTS].extend(done)
        assert consumer._new_offset(EVENTS) == goes_to


@pytest.mark.parametrize("case", CASES)
async def test_ours_does_not(case: str) -> None:
    fetched, done, committed, _ = CASES[case]
    reading = Reading("events", Kafka())
    with consumer_of(reading.intake) as consumer:
        consumer._committed_offset[EVENTS] = committed
        for offset in fetched:
            reading.offsets.fetched(EVENTS, offset, 0.0)
        for offset in done:
            reading.offsets.done(EVENTS, offset)
        unfinished = min(set(fetched) - set(done))
        assert consumer._new_offset(EVENTS) == unfinished


async def test_nothing_is_committed_but_what_is_done(rig: Rig) -> None:
    topic = rig.names.input(REALTIME)
    async with Reading.of(rig) as reading:
        sent = await rig.publish(REALTIME, *(event(n) for n in range(6)), partition=1)
        await until(lambda: len(reading.records) == len(sent), "all are delivered")
        assert [body(record)["id"] for record in reading.records] == [f"evt-{n}" for n in range(6)]
        assert abs(time.time() - reading.records[0].timestamp) < 60
        await reading.intake.commit_now()
        assert (await rig.committed(REALTIME)).get(1, 0) == 0
        for offset in (0, 1, 3):
            reading.offsets.done((topic, 1), offset)
        await reading.intake.commit_now()
        assert (await rig.committed(REALTIME))[1] == 2
    assert (await rig.committed(REALTIME))[1] == 2


async def test_new_owner_of_a_partition_gets_all_that_is_not_done(rig: Rig) -> None:
    topic = rig.names.input(REALTIME)
    sent = await rig.publish(REALTIME, *(event(n) for n in range(10 * PARTITIONS)))
    places = {(partition, offset) for _, partition, offset in sent}
    async with Reading.of(rig) as first:
        await until(lambda: first.places == places, "all are delivered")
        for partition in range(PARTITIONS):
            for offset in (0, 1, 5):
                first.offsets.done((topic, partition), offset)
        async with Reading.of(rig) as second:
            await until(lambda: len(second.assigned) == PARTITIONS // 2, "a half moves")
            moved = {partition for _, partition in second.assigned}
            undone = {place for place in places if place[0] in moved and place[1] >= 2}
            await until(lambda: second.places == undone, "what is not done is read again")
            assert all(first.offsets.watermark((topic, p)) is None for p in moved)
