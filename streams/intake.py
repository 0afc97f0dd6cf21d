"""Faust made safe: a strict watermark, bytes only, one app for each workload class.

Stock Faust 0.15.3 commits past unfinished work in three ways (upstream issue 606). Here it never
decides what to commit: it asks our tracker. `tests/integration/test_faust_assumptions.py` checks
that the installed Faust still has the seams used below.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Protocol

import faust
from faust.transport.drivers import aiokafka as driver

from schemas.sections import Kafka
from streams.faust_options import faust_options
from streams.patience import make_patient
from streams.record import Record

log = logging.getLogger(__name__)

Partition = tuple[str, int]
Deliver = Callable[[Record], Awaitable[None]]
# How long a revocation may wait for its last commit.
REVOKE_COMMIT_S = 5.0


class Watermarks(Protocol):
    """What the intake needs of the offset tracker."""

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Partitions with records."""
        ...

    def fetched(self, partition: Partition, offset: int, now: float) -> None:
        """Register a record."""
        ...

    def watermark(self, partition: Partition) -> int | None:
        """Return the offset to commit."""
        ...

    def revoked(self, partition: Partition) -> None:
        """Close a partition."""
        ...

    def restarted(self, partition: Partition) -> None:
        """Forget a partition."""
        ...


class PatientThread(driver.AIOKafkaConsumerThread):
    """Talks to brokers patiently."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - faust's own types
        consumer = super()._create_worker_consumer(transport)
        make_patient(consumer._client)  # noqa: SLF001 - aiokafka makes it and shows it nowhere
        return consumer

    @property
    def is_member(self) -> bool:
        """Whether the group's coordinator answers and counts us in."""
        coordinator = self._consumer and self._consumer._coordinator  # noqa: SLF001 - faust reads it too
        return bool(
            coordinator
            and coordinator.generation > 0
            and coordinator.coordinator_id is not None
            and not coordinator.need_rejoin(coordinator._subscription.subscription)  # noqa: SLF001
        )

    def topic_partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0: not known; faust knows it as leader only."""
        client = self._consumer and self._consumer._client  # noqa: SLF001 - as above
        return len(client.cluster.partitions_for_topic(topic) or ()) if client else 0


class SafeConsumer(driver.Consumer):
    """Commits the tracker's watermark and nothing else."""

    def _new_consumer_thread(self) -> PatientThread:
        return PatientThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def is_member(self) -> bool:
        """Whether the group's coordinator answers and counts us in."""
        found: bool = self._thread.is_member
        return found

    def on_buffer_drop(self, tp: Any) -> None:  # noqa: ANN401
        """Ask for a partition again whose buffer was full, unless it is paused."""
        super().on_buffer_drop(tp)
        if tp in self._paused_partitions:
            self._get_active_partitions().discard(tp)

    def _to_message(self, tp: Any, record: Any) -> Any:  # noqa: ANN401 - faust's own types
        committed = self._committed_offset[tp]
        if committed is not None and record.offset < committed:
            # The topic was made anew, or its log was cut. Faust would drop all up to the old
            # offset; to us they are records like any other.
            log.warning(
                "%s[%d] begins anew at %d", *tp, record.offset, extra={"event": "log_restart"}
            )
            self._committed_offset[tp] = self._read_offset[tp] = None
            self.app.watermarks.restarted(tp)
            self.app.forget([tp])
        self.app.watermarks.fetched(tp, record.offset, time.monotonic())
        return super()._to_message(tp, record)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:  # noqa: ANN401, ARG002
        assigned = {tuple(tp): tp for tp in self.assignment()}
        return iter([assigned[tp] for tp in self.app.watermarks.partitions if tp in assigned])

    def _new_offset(self, tp: Any) -> int | None:  # noqa: ANN401
        offset: int | None = self.app.watermarks.watermark(tp)
        return offset

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:  # noqa: ANN401
        """Do nothing: the tracker knows gaps by what it was given."""

    def committed_offset(self, tp: Any) -> int | None:  # noqa: ANN401
        """Return what the group has committed, as far as this worker knows."""
        offset: int | None = self._committed_offset[tp]
        return offset

    async def commit_last(self) -> None:
        """Commit what is done now. A failure costs duplicates, never a loss."""
        with suppress(Exception):
            # The first call only joins a commit that is under way, with an older watermark.
            await self.commit() or await self.commit()

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Take nothing more, commit the watermark while it is ours, forget the partitions."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.forget(revoked)
        # Faust's commit may outlive its cancellation, so it is left behind and not cancelled.
        await asyncio.wait({asyncio.create_task(self.commit_last())}, timeout=REVOKE_COMMIT_S)
        for tp in revoked:
            self.app.watermarks.revoked(tp)
        self.app.forget(revoked)
        await super().on_partitions_revoked(revoked)


class SafeTransport(driver.Transport):
    """The transport with the safe consumer."""

    Consumer = SafeConsumer


class Intake(faust.App):
    """One consumer group: hands every record of its topics to `deliver`, in order."""

    def __init__(
        self,
        group: str,
        topics: Iterable[str],
        kafka: Kafka,
        watermarks: Watermarks,
        deliver: Deliver,
        *,
        forget: Callable[[Iterable[Partition]], None] = lambda _: None,
    ) -> None:
        super().__init__(group, **faust_options(kafka))
        self._begun = False
        self.watermarks, self.forget = watermarks, forget
        self._topics = tuple(topics)
        self.delivered = 0
        self._deliver = deliver
        source = super().topic(
            *self._topics,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        self.agent(source, name=f"{group}.processor", concurrency=1)(self._consume)

    def __repr__(self) -> str:
        return f"Intake({self.conf.id})"

    def _new_transport(self) -> SafeTransport:
        return SafeTransport(self.conf.broker_consumer, self, loop=self.loop)

    def _create_directories(self) -> None:
        """Make none: there are no tables, and the working directory may be read-only."""

    async def _consume(self, stream: Any) -> None:  # noqa: ANN401
        # noack: nothing is acknowledged here; the watermark moves when an outcome is published.
        async for event in stream.noack().events():
            self.delivered += 1
            await self._deliver(_record(event.message))

    async def start(self) -> None:
        """Join the group."""
        self._begun = True
        await super().start()

    async def stop(self) -> None:
        """Leave the group; nothing to leave when it was never let in."""
        if self._begun:
            await super().stop()

    async def commit_now(self) -> None:
        """Commit the watermark, as the last thing before leaving."""
        was_in = self.consumer_generation_id > 0 and not self.rebalancing
        if was_in and self.consumer.assignment():
            await self.consumer.commit_last()

    def pause(self, partition: Partition) -> None:
        """Fetch no more of a partition; up to `READ_AHEAD` records may still be delivered.

        A rebalance ends it: whoever gets the partition meets the same record and pauses again.
        """
        self.consumer.pause_partitions(self._assigned(partition))

    def resume(self, partition: Partition) -> None:
        """Fetch a partition again; harmless when it is not paused, or is another worker's now."""
        self.consumer.resume_partitions(self._assigned(partition))

    def _assigned(self, partition: Partition) -> set[Any]:
        return {tp for tp in self.consumer.assignment() if tuple(tp) == partition}

    @property
    def joined(self) -> bool:
        """Whether the group is stable and this worker a member, be it as standby."""
        known = self.consumer_generation_id > 0 and not self.rebalancing
        return known and self.consumer.is_member

    def lacks_partitions(self, members: int) -> bool:
        """Whether this member has no partition though there is one for each; 0: not counted."""
        partitions = sum(self.consumer.topic_partitions(topic) or 0 for topic in self._topics)
        is_spare = not 0 < members <= partitions
        return self.joined and not is_spare and not self.consumer.assignment()

    @property
    def waits(self) -> bool:
        """Whether records wait in Kafka that this member is to fetch."""
        return self.joined and bool(self.consumer.assignment()) and self.lag > 0

    @property
    def trouble(self) -> str:
        """Why this app cannot go on by itself; empty when it can."""
        if self.crashed:
            return f"faust crashed: {self.crash_reason!r}"
        if self.consumer.crashed:
            return f"the consumer crashed: {self.consumer.crash_reason!r}"
        return "faust stopped" if self.should_stop else ""

    @property
    def lag(self) -> int:
        """Records that wait in Kafka beyond the watermark, as far as fetches have told."""
        total = 0
        for tp in self.consumer.assignment():
            end, done = self.consumer.highwater(tp), self.watermarks.watermark(tuple(tp))
            if done is None:  # nothing fetched since the assignment
                done = self.consumer.committed_offset(tp)
            total += max(0, (end or 0) - (done or 0))
        return total


def _record(message: Any) -> Record:  # noqa: ANN401
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )
