"""Records the end of an event: builds what is published, waits for the broker, tells observers."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from aiokafka.errors import MessageSizeTooLargeError

from agents.pipeline import Work, bug
from schemas.claim import LetterMark
from schemas.dead_letter import MAX_REPLAYS, Disposition, Stage
from schemas.observation import Observer, Settled
from schemas.outcome import Completed, Failed, Failure
from schemas.results import Delta, Timing
from schemas.workload import WorkloadClass
from streams.envelope import Ending, Origin, dead_letter_message, delta_message, result_message
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Message, Partition, Record
from streams.source import Source, source_of

log = logging.getLogger(__name__)

# What the outbox calls the trouble of a topic that finds a letter too large.
REFUSED = MessageSizeTooLargeError.__name__
# How often such a letter is offered again.
REFUSED_LETTER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the ends of one class go, and in whose name."""

    app: str
    version: str
    group: str
    workload: WorkloadClass
    results: str
    letters: str
    parked: str
    deltas: str


class Settlement:
    """Publishes the ends of one class."""

    def __init__(
        self,
        address: Address,
        outbox: Outbox,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        stall: Callable[[Partition], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._address, self._outbox, self._observer = address, outbox, observer
        self._clock, self._wall, self._stall = clock, wall, stall
        self._topics = (address.results, address.letters, address.parked)

    @property
    def blocked(self) -> bool:
        """Whether Kafka takes no results or no dead letters of this class at present.

        A letter that is too large is its partition's trouble only.
        """
        return any(trouble != REFUSED for trouble in self._troubles)

    @property
    def waits(self) -> bool:
        """Whether Kafka does not take the end of some record of this class."""
        return bool(self._troubles)

    @property
    def _troubles(self) -> list[str]:
        troubles = self._outbox.troubles
        return [troubles[topic] for topic in self._topics if topic in troubles]

    async def complete(
        self, record: Record, work: Work, done: Completed, read_at: float
    ) -> LetterMark | Failed | None:
        """Publish a result, or return why it can be none: too large for Kafka, or a bug.

        Else returns what became of the record's letter, None when it never had one.
        """
        now = self._wall()
        late = self._is_late(work, now)
        timing = self._timing(done, read_at)
        ending = Ending(event_id=work.event.id, timing=timing, late=late, at=now)
        try:
            message = result_message(
                record, done, self._origin(work), ending, self._address.results
            )
            await self._outbox.publish(self._beside(record, message))
        except TooLargeForKafka as problem:
            return _unpublished(done, Disposition.TOO_LARGE, _too_large(problem), now)
        except Exception as problem:  # noqa: BLE001 - a bug would come back with every delivery
            failure = bug(Stage.PUBLISH, problem)
            return _unpublished(done, Disposition.ATTEMPTS_EXHAUSTED, failure, now)
        self._settled(work, None, read_at, late=late)
        source = source_of(record)
        return self._mark(source, is_open=False) if source.replays else None

    async def fail(
        self,
        record: Record,
        failed: Failed,
        work: Work | None,
        read_at: float,
        refused: Callable[[], None] = lambda: None,
    ) -> LetterMark:
        """Publish a dead letter, or park it for good after its last replay.

        `refused` is told when the broker finds it too large.
        """
        source = source_of(record)
        is_last = source.replays >= MAX_REPLAYS
        if is_last:
            failed = _parked(failed)
        topic = self._address.parked if is_last else self._address.letters
        message = dead_letter_message(
            record, failed, self._origin(work), topic, self._address.version
        )
        try:
            await self._outbox.publish_letter(message)
        except TooLargeForKafka as problem:
            refused()
            with self._stall((record.topic, record.partition)):
                await self._insist(record, message, problem)
        self._settled(work, failed.disposition, read_at, late=self._is_late(work, self._wall()))
        return self._mark(source, is_open=not is_last)

    async def _insist(self, record: Record, message: Message, problem: TooLargeForKafka) -> None:
        """Offer a letter again that was refused for its size: it is held, never dropped."""
        while True:
            log.error(
                "%s: raise its max.message.bytes; %s[%d]@%d and its partition wait",
                problem,
                record.topic,
                record.partition,
                record.offset,
                extra={"event": "letter_refused", "topic": message.topic},
            )
            await asyncio.sleep(REFUSED_LETTER_S)
            try:
                await self._outbox.publish_letter(message)
            except TooLargeForKafka as again:
                problem = again
            else:
                return

    def post(self, record: Record, delta: Delta) -> None:
        """Send a piece of an answer ahead of its result."""
        self._outbox.post(delta_message(record, delta, self._address.deltas))

    def _is_late(self, work: Work | None, now: float) -> bool:
        return work is not None and now > work.place.deadline

    def _mark(self, source: Source, *, is_open: bool) -> LetterMark:
        return LetterMark(
            workload=self._address.workload,
            source=str(source),
            replays=source.replays,
            is_open=is_open,
        )

    def _settled(
        self, work: Work | None, disposition: Disposition | None, read_at: float, *, late: bool
    ) -> None:
        self._observer.observe(
            Settled(
                workload=self._address.workload,
                task=work.task.name if work else "",
                disposition=disposition,
                late=late,
                seconds=self._clock() - read_at,
            )
        )

    def _timing(self, done: Completed, read_at: float) -> Timing:
        progress, now = done.progress, self._clock()
        queued_s = max(0.0, (progress.first_call_at or now) - read_at)
        return Timing(
            queued_ms=round(queued_s * 1000, 3),
            claude_ms=round(progress.claude_s * 1000, 3),
            total_ms=round((now - read_at) * 1000, 3),
        )

    def _origin(self, work: Work | None) -> Origin:
        task = work.task if work else None
        return Origin(
            app=self._address.app,
            group=self._address.group,
            workload=self._address.workload,
            task=task.name if task else None,
            task_version=task.version if task else None,
            model=task.model if task else None,
        )

    def _beside(self, record: Record, message: Message) -> Message:
        """Keep the event's partition when both topics have equally many."""
        source = source_of(record)
        count = self._outbox.partitions(message.topic)
        # A replay's source may be a partition of a topic that had more of them once.
        same = count == self._outbox.partitions(source.topic) and 0 <= source.partition < count
        return message.on(source.partition) if same else message


def _too_large(problem: TooLargeForKafka) -> Failure:
    return Failure(
        stage=Stage.PUBLISH,
        error_class="TooLargeForKafka",
        error_type="max.message.bytes",
        message=str(problem),
    )


def _unpublished(done: Completed, disposition: Disposition, failure: Failure, now: float) -> Failed:
    first = done.progress.first_failed_at or now
    progress = replace(done.progress, first_failed_at=first, last_failed_at=now)
    return Failed(disposition=disposition, failure=failure, progress=progress)


def _parked(failed: Failed) -> Failed:
    failure = replace(failed.failure, error_type=failed.disposition.value)
    return replace(failed, disposition=Disposition.REPLAY_CAP, failure=failure)
