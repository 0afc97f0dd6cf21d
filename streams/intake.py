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
from streams.connection import REQUEST_TIMEOUT_S, ssl_context
from streams.record import Record

log = logging.getLogger(__name__)

Partition = tuple[str, int]
Deliver = Callable[[Record], Awaitable[None]]
# How long a revocation may wait for its last commit.
REVOKE_COMMIT_S = 5.0
# Memory bound of one fetch of a partition; a larger record still comes, alone (KIP-74).
FETCH_BYTES = 256 * 2**10
# Records read ahead for each class; the default reads 4,000.
READ_AHEAD = 64


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


class SafeConsumer(driver.Consumer):
    """Commits the tracker's watermark and nothing else."""

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
    """The processor of one class: hands every record of one topic to `deliver`, in order."""

    def __init__(
        self,
        group: str,
        topic: str,
        kafka: Kafka,
        watermarks: Watermarks,
        deliver: Deliver,
        *,
        forget: Callable[[Iterable[Partition]], None] = lambda _: None,
    ) -> None:
        super().__init__(group, **_options(kafka))
        self.watermarks, self.forget = watermarks, forget
        self._deliver = deliver
        source = super().topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
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
            await self._deliver(_record(event.message))

    async def commit_now(self) -> None:
        """Commit the watermark, as the last thing before leaving."""
        if not self.rebalancing and self.consumer.assignment():
            await self.consumer.commit_last()

    @property
    def joined(self) -> bool:
        """Whether the group is stable and this worker a member, be it as standby."""
        return self.consumer_generation_id > 0 and not self.rebalancing

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


def _options(kafka: Kafka) -> dict[str, Any]:
    """Return the Faust settings; `faust.md` of the design says what each was measured to do."""
    servers = [f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")]
    return {
        "broker": servers,
        "broker_credentials": _credentials(kafka),
        "broker_max_poll_interval": 86_400.0,  # with full buffers Faust polls seldom
        "broker_max_poll_records": READ_AHEAD,
        "stream_buffer_maxsize": READ_AHEAD,
        "stream_wait_empty": False,  # safe only with our watermark; True never ends a rebalance
        "consumer_max_fetch_size": FETCH_BYTES,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": kafka.group_instance_id or None,
        "consumer_metadata_max_age_ms": 15_000,
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 30.0,
        "broker_request_timeout": REQUEST_TIMEOUT_S,
        "producer_request_timeout": REQUEST_TIMEOUT_S,
        "broker_commit_interval": 0.5,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "web_enabled": False,  # it would listen on all interfaces without a password
        "store": "memory://",
    }


def _credentials(kafka: Kafka) -> Any:  # noqa: ANN401
    context = ssl_context(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.password,
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
