"""record -> handler -> done. Bounds the records in flight of one consumer."""

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from schemas.observation import Observer, Received, Released, Repeated
from schemas.outcome import HeldReason
from streams.claims import Claims
from streams.handler import Handler
from streams.job import Job
from streams.offsets import Offsets
from streams.record import Partition, Record
from streams.slots import LOOK_S, Slots
from streams.turns import Conversations

log = logging.getLogger(__name__)

# So many times the slots may be in memory: of the running limit for records that have a slot or
# want one; of `in_flight` for all, with those that wait for an outage or a conversation.
MEMORY_FACTOR = 2
# How far the newest record may be ahead of a slow one; a crash reads all of them again.
MOST_UNCOMMITTED = 10_000
# A cancelled record ends within this time, or is left to the end of the process.
CANCEL_S = 5.0


Identity = tuple[Partition, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may be in memory: records at Claude or in line for it, and bytes of all records."""

    in_flight: int
    buffered_bytes: int


class Runner:
    """The work of one consumer, from record to published end; a handler for each of its topics.

    `identify` names a record in the journal. `allowed` is how many calls the budget keeps busy.
    """

    def __init__(
        self,
        name: str,
        bounds: Bounds,
        handlers: Mapping[str, Handler],
        claims: Claims,
        identify: Callable[[Record], str],
        observer: Observer,
        *,
        allowed: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.handlers = name, handlers
        self.offsets = Offsets()
        self.trouble = ""
        self.slots = Slots(lambda: self.limit)
        self.conversations: Conversations = {}
        self._bounds, self._claims, self._identify = bounds, claims, identify
        self._observer, self._clock, self._allowed = observer, clock, allowed
        self._jobs: dict[Identity, tuple[Job, asyncio.Task[None]]] = {}
        self._bytes = self._aside = self.delivered = 0
        self._changed = asyncio.Event()
        self._closing = False

    def __repr__(self) -> str:
        return f"Runner({self.name}, {len(self._jobs)} records, {self.offsets})"

    async def deliver(self, record: Record) -> None:
        """Take a record from the intake; returns when there is room for the next."""
        partition = (record.topic, record.partition)
        handler, epoch = self.handlers[record.topic], self.offsets.epoch(partition)
        identity = (partition, record.offset, epoch)
        if not self.offsets.delivered(partition, record.offset):
            return
        await self._cancelled(identity)
        known = identity in self._jobs or not self._is_open(record, epoch)
        if not known:
            await self._room(record.size, handler)
        self.delivered += 1
        # From here to the job there is no await, so at any time every received record is counted.
        self._observer.observe(Received(workload=handler.workload))
        if known:
            self._observer.observe(Repeated(workload=handler.workload))
            return
        if not self._is_open(record, epoch):
            self._observer.observe(Released(workload=handler.workload))
            return
        job = Job(
            record=record,
            workload=handler.workload,
            identity=self._identify(record),
            read_at=self._clock(),
            epoch=epoch,
            claims=self._claims,
            clock=self._clock,
        )
        task = asyncio.create_task(self._work(job, handler))
        self._jobs[identity] = (job, task)
        self._bytes += record.size
        task.add_done_callback(lambda done: self._ended(identity, done))

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop what is neither sent nor paid of partitions that go away; the rest runs on."""
        gone = set(partitions)
        for (partition, *_), (job, task) in self._jobs.items():
            busy = job.sent or job.paid or job.ending
            # A letter that no topic takes waits for ever: its new owner has to stall for it.
            if partition in gone and (job.refused or not busy):
                task.cancel()
        self._changed.set()  # what no longer counts makes room

    async def drain(self, deadline_s: float) -> int:
        """Take nothing more, wait for what runs, cancel the rest; return how many.

        What is cancelled is not acknowledged: its next owner reads it again.
        """
        self._closing = True
        self._changed.set()
        tasks = [task for _, task in self._jobs.values()]
        if not tasks:
            return 0
        _, left = await asyncio.wait(tasks, timeout=deadline_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CANCEL_S)
        return len(left)

    @property
    def limit(self) -> int:
        """Records that may be at Claude, or in line for it, at present."""
        most = self._bounds.in_flight
        return min(most, self._allowed()) if self._allowed else most

    @property
    def in_flight(self) -> int:
        """Records being worked on."""
        return sum(
            self._held_for(job) is None and not _ended(task) for job, task in self._jobs.values()
        )

    @property
    def held(self) -> Mapping[str, int]:
        """Records that wait, by reason."""
        return Counter(
            reason
            for job, task in self._jobs.values()
            if not _ended(task) and (reason := self._held_for(job))
        )

    @property
    def uncommitted(self) -> int:
        """Records that the watermark has not passed."""
        return self.offsets.uncommitted()

    @property
    def oldest_uncommitted_age_s(self) -> float:
        """Age of the oldest of them."""
        return self.offsets.oldest_age_s(self._clock())

    @property
    def forgotten(self) -> bool:
        """Whether a watermark waits for a record that nobody works on: Faust lost it."""
        working = {(partition, offset) for partition, offset, _ in self._jobs}
        return any(head not in working for head in self.offsets.overtaken())

    @property
    def stage_s(self) -> float:
        """How long the slowest has been in a stage that has a bound: context, call, check."""
        begun = [job.stage_since for job, _ in self._jobs.values() if job.stage_since is not None]
        return self._clock() - min(begun) if begun else 0.0

    @property
    def has_room(self) -> bool:
        """Whether records that wait in Kafka would be taken at once."""
        is_shut = any(handler.is_shut for handler in self.handlers.values())
        return not (self._closing or self.waits_for_room or self._bytes or is_shut)

    @property
    def waits_for_room(self) -> bool:
        """Whether no further record fits at present."""
        return (
            len(self._jobs) >= MEMORY_FACTOR * self._bounds.in_flight
            or len(self._jobs) - self._aside >= MEMORY_FACTOR * self.limit
            or self.offsets.uncommitted() >= MOST_UNCOMMITTED
        )

    @contextmanager
    def waiting(self, job: Job, reason: HeldReason | None) -> Iterator[None]:
        """Wait for something other than a slot: that must not keep the others in Kafka."""
        self._aside += 1
        self._changed.set()
        job.held = reason
        try:
            yield
        finally:
            self._aside -= 1
        job.held = None  # a cancelled one stays held to its end: it is not worked on again

    def is_open(self, job: Job) -> bool:
        """Whether a record is still to be worked on here."""
        return self._is_open(job.record, job.epoch)

    async def _cancelled(self, identity: Identity) -> None:
        """Let a job end that was dropped a moment ago and is now delivered again."""
        if (known := self._jobs.get(identity)) and known[1].cancelling():
            await asyncio.wait([known[1]])

    async def _room(self, size: int, handler: Handler) -> None:
        """Wait for room; while draining there is none, and the intake is soon stopped."""
        while (
            self._closing
            or self.waits_for_room
            or (self._bytes and self._bytes + size > self._bounds.buffered_bytes)
            or handler.turns_away()
        ):
            self._changed.clear()
            with suppress(TimeoutError):  # a limit grows without telling
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()

    async def _work(self, job: Job, handler: Handler) -> None:
        await handler.handle(job, self)
        if job.epoch == self.offsets.epoch(job.partition):  # else this offset is another record now
            self.offsets.done(job.partition, job.record.offset)

    def _held_for(self, job: Job) -> HeldReason | None:
        return self.handlers[job.record.topic].held_for(job)

    def _is_open(self, record: Record, epoch: int) -> bool:
        partition = (record.topic, record.partition)
        return epoch == self.offsets.epoch(partition) and self.offsets.is_open(
            partition, record.offset
        )

    def _ended(self, identity: Identity, task: asyncio.Task[None]) -> None:
        job, _ = self._jobs.pop(identity)
        self._bytes -= job.record.size
        self._changed.set()
        if task.cancelled():
            self._observer.observe(Released(workload=job.workload))
        elif problem := task.exception():
            # Not acknowledged, so not lost; but nobody would work on it before a restart.
            self.trouble = f"{type(problem).__name__} while settling a record"
            # The places without the words: those may repeat what the event says.
            trace = "".join(traceback.format_tb(problem.__traceback__))
            log.critical("%s\n%s", self.trouble, trace, extra={"event": "runner_failed"})


def _ended(task: asyncio.Task[None]) -> bool:
    """Whether a job's end is already told, though its callback has not run yet."""
    return task.done() and not task.cancelled()
