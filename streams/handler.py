"""What happens to one record of a class: claim, read, pipeline, end. Page one of the worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, replace
from typing import Protocol

from agents.pipeline import Pipeline, Work
from schemas.dead_letter import SENT_TO_HEADER, Disposition, Stage
from schemas.observation import Observer, Outdated, Repeated
from schemas.outcome import Completed, Failed, Failure, Held, HeldReason, Progress
from schemas.workload import WORKLOADS, WorkloadClass
from streams.claims import Claims
from streams.deltas import Deltas
from streams.floodgate import Floodgate
from streams.isolation import Isolation
from streams.job import Job
from streams.reader import Reader
from streams.record import Record
from streams.settlement import Settlement
from streams.slots import Slots
from streams.turns import Conversations, Turn

# A record that so many workers died with runs alone from then on ...
MOST_UNFINISHED = 3
# ... and is given up when so many died while it was alone.
MOST_DEATHS_ALONE = 2
# A record that one died with while it was alone lets the others go first for so long: who kills
# workers from outside would meet it again.
MAKE_WAY_S = 10.0
# How often a record is asked about that another worker has.
OWNED_S = 0.5


class Seat(Protocol):
    """What the handler needs of the runner."""

    @property
    def slots(self) -> Slots:
        """Who may be at Claude, or in line for it."""
        ...

    @property
    def conversations(self) -> Conversations:
        """Order within conversations."""
        ...

    def waiting(self, job: Job, reason: HeldReason | None) -> AbstractContextManager[None]:
        """Wait for something other than a slot."""
        ...

    def is_open(self, job: Job) -> bool:
        """Whether the record is still this worker's to work on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the handlers of one worker have in common."""

    pipeline: Pipeline
    claims: Claims
    isolation: Isolation
    observer: Observer
    reprocess: bool = False


class Handler:
    """Takes the records of one class to their ends."""

    def __init__(
        self,
        workload: WorkloadClass,
        reader: Reader,
        settlement: Settlement,
        gate: Floodgate,
        parts: Parts,
        *,
        replays: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.workload, self.gate = workload, gate
        self._reader, self._settlement, self._parts = reader, settlement, parts
        self._replays, self._clock, self._wall = replays, clock, wall

    def __repr__(self) -> str:
        return f"Handler({self.workload}, {self.gate})"

    @property
    def is_shut(self) -> bool:
        """Whether newcomers wait in Kafka on purpose."""
        return self._settlement.blocked or self.gate.is_open

    def turns_away(self) -> bool:
        """Whether no newcomer is taken at present: its end could not be published, or a flood."""
        return self._settlement.blocked or not self.gate.admits()

    def held_for(self, job: Job) -> HeldReason | None:
        """Return why a record waits, None when it does not."""
        return "publish" if job.ending and self._settlement.waits else job.held

    async def handle(self, job: Job, seat: Seat) -> None:
        """Return when the record's end is published; cancelled, it is given back."""
        claims = self._parts.claims
        if self._is_mark(job.record):
            self._parts.observer.observe(Repeated(workload=self.workload))
            return
        job.trial = self.gate.is_open
        job.claim = await claims.claim(job.identity)
        try:
            async with AsyncExitStack() as turn:
                await self._work(job, seat, turn)
        except asyncio.CancelledError:
            if job.claim.state == "granted":
                claims.release(job.identity)
            raise

    async def _work(self, job: Job, seat: Seat, turn: AsyncExitStack) -> None:
        progress: Progress | None = None
        while True:
            if self._is_settled(job):
                return
            outcome, work = await self._outcome(job, seat, turn, progress)
            if outcome is None:
                continue
            if isinstance(outcome, Completed) and work:
                outcome = await self._complete(job, outcome, work)
            if not isinstance(outcome, Failed):
                return
            if await self._lets_through(job, seat, outcome):
                await self._bury(job, outcome, work)
                return
            progress, job.trial = _anew(outcome.progress), self.gate.is_open

    def _is_mark(self, record: Record) -> bool:
        """Whether this only says that a replay went to another topic, where it is worked on."""
        return self._replays and record.value is None and record.header(SENT_TO_HEADER) is not None

    def _is_settled(self, job: Job) -> bool:
        """Whether the record came again after its end: nothing is left to do."""
        if job.claim.state != "settled" or self._parts.reprocess:
            return False
        self._parts.observer.observe(Repeated(workload=self.workload))
        return True

    async def _outcome(
        self, job: Job, seat: Seat, turn: AsyncExitStack, progress: Progress | None
    ) -> tuple[Completed | Failed | None, Work | None]:
        """Return the outcome and what was read; no outcome: look at the claim again."""
        if job.claim.deaths_alone >= MOST_DEATHS_ALONE:
            return self._killer(job), None
        if job.claim.deaths_alone and not job.in_turn:
            with seat.waiting(job, "alone"):
                await asyncio.sleep(MAKE_WAY_S)
        async with self._in_company(job, seat):
            work = self._reader.read(job.record)
        if isinstance(work, Work) and not job.in_turn:
            job.in_turn = True
            with seat.waiting(job, None):
                await turn.enter_async_context(Turn(seat.conversations, job.record, work))
        if job.claim.state == "owned":  # another worker's build may be able to read it
            await self._ask_again(job, seat)
            return None, None
        if isinstance(work, Failed):
            return work, None
        job.version = work.task.version
        if unused := job.outdated:
            fact = Outdated(workload=self.workload, task=work.task.name, answers=unused)
            self._parts.observer.observe(fact)
        return await self._answered(job, seat, work, progress or job.restored()), work

    async def _ask_again(self, job: Job, seat: Seat) -> None:
        """Wait a moment for another worker to end this record, or its own."""
        with seat.waiting(job, "claimed"):
            await asyncio.sleep(OWNED_S)
        if not seat.is_open(job):
            raise asyncio.CancelledError
        job.claim = await self._parts.claims.claim(job.identity)

    async def _answered(
        self, job: Job, seat: Seat, work: Work, progress: Progress
    ) -> Completed | Failed:
        if WORKLOADS[self.workload].lane == "streamed":
            job.deltas = Deltas(
                work.event.id,
                work.task.name,
                lambda delta: self._settlement.post(job.record, delta),
            )
        try:
            return await self._run(job, seat, work, progress)
        finally:
            if job.deltas:
                job.deltas.flush()

    async def _run(
        self, job: Job, seat: Seat, work: Work, progress: Progress
    ) -> Completed | Failed:
        """Run the pipeline; a record that has to wait gives its slot back meanwhile."""
        while True:
            async with self._in_company(job, seat), seat.slots:
                job.stage_since = self._clock()
                outcome = await self._parts.pipeline.run(work, progress, job)
            job.stage_since = None
            progress = outcome.progress
            job.sent, job.paid = False, bool(progress.replies)
            if not isinstance(outcome, Held):
                return outcome
            if not (job.paid or seat.is_open(job)):
                # The partition went away while the call was in the air: its new owner goes on.
                raise asyncio.CancelledError
            with seat.waiting(job, outcome.reason):
                await asyncio.sleep(self._wait_s(outcome, work))

    def _in_company(self, job: Job, seat: Seat) -> AbstractAsyncContextManager[None]:
        if job.claim.state == "granted" and job.claim.deliveries > MOST_UNFINISHED:
            return self._suspected(job, seat)
        return self._parts.isolation.together()

    @asynccontextmanager
    async def _suspected(self, job: Job, seat: Seat) -> AsyncIterator[None]:
        """Run alone, and say so before: if the worker dies now, this record has killed it."""
        async with AsyncExitStack() as alone:
            with seat.waiting(job, "alone"):
                await alone.enter_async_context(self._parts.isolation.alone())
            await self._parts.claims.alone(job.identity)
            try:
                yield
            finally:
                self._parts.claims.together(job.identity)

    async def _lets_through(self, job: Job, seat: Seat, failed: Failed) -> bool:
        """Whether a failure may be published, after a wait maybe; else it is tried again."""
        if self.gate.passes(failed):
            return True
        with seat.waiting(job, "breaker"):
            return await self.gate.verdict()

    async def _complete(self, job: Job, done: Completed, work: Work) -> Failed | None:
        """Publish a result; return why it cannot be one."""
        job.ending = True
        mark = await self._settlement.complete(job.record, work, done, job.read_at)
        if isinstance(mark, Failed):
            job.ending = False
            return mark
        self.gate.succeeded(trial=job.trial)
        self._parts.claims.settle(job.identity, mark)
        return None

    async def _bury(self, job: Job, failed: Failed, work: Work | None) -> None:
        job.ending = True
        mark = await self._settlement.fail(job.record, failed, work, job.read_at, job.refuse)
        self._parts.claims.settle(job.identity, mark)

    def _killer(self, job: Job) -> Failed:
        now = self._wall()
        failure = Failure(
            stage=Stage.CRASH,
            error_class="WorkerDied",
            error_type="crash",
            message=f"{job.claim.deaths_alone} workers died while they worked on this record alone",
        )
        progress = job.restored()
        return Failed(
            disposition=Disposition.ATTEMPTS_EXHAUSTED,
            failure=failure,
            progress=replace(
                progress,
                # The deaths alone are its own tries, the others were deliveries.
                deliveries=job.claim.deliveries - job.claim.deaths_alone,
                record_attempts=job.claim.deaths_alone,
                first_failed_at=now,
                last_failed_at=now,
            ),
        )

    def _wait_s(self, held: Held, work: Work) -> float:
        """Return how long to hold. Expiry ends a hold once; later ones last as they say."""
        wait = held.until - self._clock()
        left = (work.place.expires_at or 0.0) - self._wall()
        return max(0.0, min(wait, left) if left > 0 else wait)


def _anew(progress: Progress) -> Progress:
    """Judge what was bought once more: the build may be another one now."""
    return replace(progress, judged=0, problems=(), rejected="", doubled=False, record_attempts=0)
