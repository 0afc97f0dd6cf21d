"""record -> Outcome -> settlement -> done. Bounds the records in flight of one class."""

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass

from agents.pipeline import Pipeline, Work
from schemas.observation import Observer, Received, Released, Repeated
from schemas.outcome import Completed, Failed, Held, HeldReason, Progress
from schemas.sections import ClassSettings
from schemas.workload import WORKLOADS, WorkloadClass
from streams.deltas import Deltas
from streams.offsets import Offsets, Partition
from streams.reader import Reader
from streams.record import Record
from streams.settlement import Settlement
from streams.slots import LOOK_S, Slots
from streams.turns import Conversations, Turn

log = logging.getLogger(__name__)

# So many times the slots may be in memory: of the running limit for records that have a slot or
# want one; of `max_in_flight` for all, with those that wait for an outage or a conversation.
MEMORY_FACTOR = 2
# How far the newest record may be ahead of a slow one; a crash reads all of them again.
MOST_UNCOMMITTED = 10_000
# A cancelled record ends within this time, or is left to the end of the process.
CANCEL_S = 5.0


Identity = tuple[Partition, int, int]


@dataclass(slots=True, eq=False)
class Job:
    """A record being worked on. `sent`: a call is in the air; `paid`: an answer was bought."""

    record: Record
    read_at: float
    epoch: int
    held: HeldReason | None = None
    sent: bool = False
    paid: bool = False
    deltas: Deltas | None = None

    def sending(self) -> None:
        """Take note that a call leaves now."""
        self.sent = True

    def text(self, attempt: int, piece: str) -> None:
        """Pass on a piece of a streamed answer."""
        if self.deltas:
            self.deltas.add(attempt, piece)


class Runner:
    """The processor of one class, from record to published end."""

    def __init__(
        self,
        workload: WorkloadClass,
        settings: ClassSettings,
        reader: Reader,
        pipeline: Pipeline,
        settlement: Settlement,
        observer: Observer,
        *,
        allowed: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.workload = workload
        self.offsets = Offsets()
        self.trouble = ""
        self._settings, self._reader = settings, reader
        self._pipeline, self._settlement = pipeline, settlement
        self._observer, self._clock, self._wall = observer, clock, wall
        self._jobs: dict[Identity, tuple[Job, asyncio.Task[None]]] = {}
        self._bytes = self._aside = 0
        self._allowed = allowed
        self._slots = Slots(lambda: self.limit)
        self._changed = asyncio.Event()
        self._closing = False
        self._conversations: Conversations = {}

    def __repr__(self) -> str:
        return f"Runner({self.workload}, {len(self._jobs)} records, {self.offsets})"

    async def deliver(self, record: Record) -> None:
        """Take a record from the intake; returns when there is room for the next."""
        partition = (record.topic, record.partition)
        epoch = self.offsets.epoch(partition)
        identity = (partition, record.offset, epoch)
        if not self.offsets.delivered(partition, record.offset):
            return
        await self._cancelled(identity)
        known = identity in self._jobs or not self._is_open(record, epoch)
        if not known:
            await self._room(record.size)
        # From here to the job there is no await, so at any time every received record is counted.
        self._observer.observe(Received(workload=self.workload))
        if known:
            self._observer.observe(Repeated(workload=self.workload))
            return
        if not self._is_open(record, epoch):
            self._observer.observe(Released(workload=self.workload))
            return
        job = Job(record, self._clock(), epoch)
        task = asyncio.create_task(self._work(job))
        self._jobs[identity] = (job, task)
        self._bytes += record.size
        task.add_done_callback(lambda done: self._ended(identity, done))

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop what is neither sent nor paid of partitions that go away; the rest runs on."""
        gone = set(partitions)
        for (partition, *_), (job, task) in self._jobs.items():
            if partition in gone and not (job.sent or job.paid):
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
        most = self._settings.max_in_flight
        return min(most, self._allowed()) if self._allowed else most

    @property
    def in_flight(self) -> int:
        """Records being worked on."""
        return sum(job.held is None and not _ended(task) for job, task in self._jobs.values())

    @property
    def held(self) -> Mapping[str, int]:
        """Records that wait, by reason."""
        return Counter(job.held for job, _ in self._jobs.values() if job.held)

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
    def waits_for_room(self) -> bool:
        """Whether no further record fits at present."""
        return (
            len(self._jobs) >= MEMORY_FACTOR * self._settings.max_in_flight
            or len(self._jobs) - self._aside >= MEMORY_FACTOR * self.limit
            or self.offsets.uncommitted() >= MOST_UNCOMMITTED
        )

    async def _cancelled(self, identity: Identity) -> None:
        """Let a job end that was dropped a moment ago and is now delivered again."""
        if (known := self._jobs.get(identity)) and known[1].cancelling():
            await asyncio.wait([known[1]])

    async def _room(self, size: int) -> None:
        """Wait for room; while draining there is none, and the intake is soon stopped."""
        while (
            self._closing
            or self.waits_for_room
            or (self._bytes and self._bytes + size > self._settings.max_buffered_bytes)
        ):
            self._changed.clear()
            with suppress(TimeoutError):  # a limit grows without telling
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()

    async def _work(self, job: Job) -> None:
        record = job.record
        work = self._reader.read(record)
        if isinstance(work, Failed):
            await self._settlement.fail(record, work, None, job.read_at)
        else:
            async with AsyncExitStack() as turn:
                with self._waiting():
                    await turn.enter_async_context(Turn(self._conversations, record, work))
                await self._answer(job, work)
        partition = (record.topic, record.partition)
        if job.epoch == self.offsets.epoch(partition):  # else this offset is another record now
            self.offsets.done(partition, record.offset)

    async def _answer(self, job: Job, work: Work) -> None:
        if WORKLOADS[self.workload].lane == "streamed":
            job.deltas = Deltas(
                work.event.id,
                work.task.name,
                lambda delta: self._settlement.post(job.record, delta),
            )
        try:
            outcome = await self._outcome(job, work)
        finally:
            if job.deltas:
                job.deltas.flush()
        if isinstance(outcome, Completed):
            await self._settlement.complete(job.record, work, outcome, job.read_at)
        else:
            await self._settlement.fail(job.record, outcome, work, job.read_at)

    async def _outcome(self, job: Job, work: Work) -> Completed | Failed:
        """Run the pipeline; a record that has to wait gives its slot back meanwhile."""
        progress = Progress()
        while True:
            async with self._slots:
                outcome = await self._pipeline.run(work, progress, job)
            progress = outcome.progress
            job.sent, job.paid = False, bool(progress.replies)
            if not isinstance(outcome, Held):
                return outcome
            if not (job.paid or self._is_open(job.record, job.epoch)):
                # The partition went away while the call was in the air: its new owner goes on.
                raise asyncio.CancelledError
            job.held = outcome.reason
            with self._waiting():
                await asyncio.sleep(self._wait_s(outcome, work))
            job.held = None

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Wait for something other than a slot: that must not keep the others in Kafka."""
        self._aside += 1
        self._changed.set()
        try:
            yield
        finally:
            self._aside -= 1

    def _is_open(self, record: Record, epoch: int) -> bool:
        partition = (record.topic, record.partition)
        return epoch == self.offsets.epoch(partition) and self.offsets.is_open(
            partition, record.offset
        )

    def _wait_s(self, held: Held, work: Work) -> float:
        """Return how long to hold. Expiry ends a hold once; later ones last as they say."""
        wait = held.until - self._clock()
        left = (work.place.expires_at or 0.0) - self._wall()
        return max(0.0, min(wait, left) if left > 0 else wait)

    def _ended(self, identity: Identity, task: asyncio.Task[None]) -> None:
        job, _ = self._jobs.pop(identity)
        self._bytes -= job.record.size
        self._changed.set()
        if task.cancelled():
            self._observer.observe(Released(workload=self.workload))
        elif problem := task.exception():
            # Not acknowledged, so not lost; but nobody would work on it before a restart.
            self.trouble = f"{type(problem).__name__} while settling a record"
            # The places without the words: those may repeat what the event says.
            trace = "".join(traceback.format_tb(problem.__traceback__))
            log.critical("%s\n%s", self.trouble, trace, extra={"event": "runner_failed"})


def _ended(task: asyncio.Task[None]) -> bool:
    """Whether a job's end is already told, though its callback has not run yet."""
    return task.done() and not task.cancelled()
