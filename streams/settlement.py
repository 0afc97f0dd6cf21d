"""Records the end of an event: builds what is published, waits for the broker, tells observers."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agents.pipeline import Work
from schemas.dead_letter import Disposition, Stage
from schemas.observation import Observer, Settled
from schemas.outcome import Completed, Failed, Failure
from schemas.results import Delta, Timing
from schemas.workload import WorkloadClass
from streams.envelope import Ending, Origin, dead_letter_message, delta_message, result_message
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Message, Record

log = logging.getLogger(__name__)

# How often a letter is offered again that the broker finds too large.
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
    ) -> None:
        self._address, self._outbox, self._observer = address, outbox, observer
        self._clock, self._wall = clock, wall

    async def complete(self, record: Record, work: Work, done: Completed, read_at: float) -> None:
        """Publish a result; one that the broker finds too large becomes a dead letter."""
        now = self._wall()
        late = now > work.place.deadline
        timing = self._timing(done, read_at)
        ending = Ending(event_id=work.event.id, timing=timing, late=late, at=now)
        message = result_message(record, done, self._origin(work), ending, self._address.results)
        try:
            await self._outbox.publish(self._beside(record, message))
        except TooLargeForKafka as problem:
            await self.fail(record, _too_large(done, problem, now), work, read_at)
        else:
            self._settled(work, None, read_at, late=late)

    async def fail(self, record: Record, failed: Failed, work: Work | None, read_at: float) -> None:
        """Publish a dead letter. One that is refused for its size is held, never dropped."""
        message = dead_letter_message(
            record,
            failed,
            self._origin(work),
            self._address.letters,
            self._address.version,
        )
        while True:
            try:
                await self._outbox.publish_letter(message)
                break
            except TooLargeForKafka as problem:
                log.error(  # noqa: TRY400 - the message says it all
                    "%s: raise max.message.bytes; %s[%d]@%d waits",
                    problem,
                    record.topic,
                    record.partition,
                    record.offset,
                    extra={"event": "letter_refused", "topic": message.topic},
                )
                await asyncio.sleep(REFUSED_LETTER_S)
        late = work is not None and self._wall() > work.place.deadline
        self._settled(work, failed.disposition, read_at, late=late)

    def post(self, record: Record, delta: Delta) -> None:
        """Send a piece of an answer ahead of its result."""
        self._outbox.post(delta_message(record, delta, self._address.deltas))

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
        count = self._outbox.partitions(record.topic)
        same = count and count == self._outbox.partitions(message.topic)
        return message.on(record.partition) if same else message


def _too_large(done: Completed, problem: TooLargeForKafka, now: float) -> Failed:
    failure = Failure(
        stage=Stage.PUBLISH,
        error_class="TooLargeForKafka",
        error_type="max.message.bytes",
        message=str(problem),
    )
    first = done.progress.first_failed_at or now
    progress = replace(done.progress, first_failed_at=first, last_failed_at=now)
    return Failed(disposition=Disposition.TOO_LARGE, failure=failure, progress=progress)
