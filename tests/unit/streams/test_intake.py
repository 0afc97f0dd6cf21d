"""What the consumer does with a record below the offset that its group has committed."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from schemas.sections import Kafka
from streams.intake import Intake, Partition
from streams.offsets import Offsets
from streams.record import Record

EVENTS = TP("events", 0)
COMMITTED = 20


def fetched(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=EVENTS.topic,
        partition=EVENTS.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=b"{}",
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=2,
        headers=(),
    )


class Fetching:
    """A consumer whose group has committed, and what it told of a log that begins anew."""

    def __init__(self) -> None:
        self.offsets = Offsets()
        self.forgotten: list[Partition] = []
        intake = Intake("group", "events", Kafka(), self.offsets, _nowhere, forget=self._forget)
        self.consumer: Any = intake._new_consumer()
        self.consumer._committed_offset[EVENTS] = self.consumer._read_offset[EVENTS] = COMMITTED

    def take(self, *numbers: int) -> None:
        for offset in numbers:
            self.consumer._to_message(EVENTS, fetched(offset))

    def _forget(self, partitions: Iterable[Partition]) -> None:
        self.forgotten += partitions


async def _nowhere(_: Record) -> None:
    raise AssertionError("nothing is delivered by a consumer that was never started")


@contextmanager
def fetching() -> Iterator[Fetching]:
    """One that is never started, and so does not close its thread's event loop."""
    made = Fetching()
    try:
        yield made
    finally:
        made.consumer._thread.thread_loop.close()


async def test_record_below_the_commit_begins_the_log_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with fetching() as made, caplog.at_level(logging.WARNING, "streams.intake"):
        made.offsets.fetched(EVENTS, COMMITTED, 0.0)
        made.offsets.done(EVENTS, COMMITTED + 1)  # beyond what was fetched: remembered
        made.take(0, 1)
        assert made.forgotten == [EVENTS]
        assert made.offsets.epoch(EVENTS) == 1
        assert made.consumer.committed_offset(EVENTS) is None
        assert made.consumer._read_offset[EVENTS] is None  # else Faust drops what is below
        assert made.offsets.watermark(EVENTS) == 0
        assert caplog.messages == ["events[0] begins anew at 0"]
        made.take(*range(2, COMMITTED + 2))
        assert made.offsets.is_open(EVENTS, COMMITTED + 1)


async def test_records_from_the_commit_on_begin_nothing() -> None:
    with fetching() as made:
        made.take(COMMITTED, COMMITTED + 1)
        assert made.forgotten == []
        assert made.offsets.epoch(EVENTS) == 0
        assert made.consumer.committed_offset(EVENTS) == COMMITTED
