"""record -> Work: the event, its task, and its place in line."""

import time
from collections.abc import Callable

from agents.catalog import Catalog
from agents.claude.gateway import Place
from agents.pipeline import Work
from agents.task import TASK_NAME
from schemas.dead_letter import IGNORE_EXPIRY_HEADER, Disposition, Stage
from schemas.events import Event
from schemas.outcome import Failed, Failure, Progress
from schemas.sections import ClassSettings
from schemas.workload import WorkloadClass
from streams.codec import Undecodable, decode, task_name
from streams.record import Record
from streams.source import source_of


class Reader:
    """Reads the records of one class."""

    def __init__(
        self,
        workload: WorkloadClass,
        settings: ClassSettings,
        catalog: Catalog,
        max_event_bytes: int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._workload, self._settings = workload, settings
        self._catalog, self._max_event_bytes, self._wall = catalog, max_event_bytes, wall

    def read(self, record: Record) -> Work | Failed:
        """Return the work, or the failure to publish."""
        try:
            return self._read(record)
        except Exception as problem:  # noqa: BLE001 - a record must not end the process
            return self._unreadable(
                Undecodable(
                    disposition=Disposition.UNDECODABLE,
                    error_type=type(problem).__name__,
                    message="reading the record failed: this is a bug of headrace",
                )
            )

    def _read(self, record: Record) -> Work | Failed:
        event = decode(record, self._workload, self._max_event_bytes)
        if isinstance(event, Undecodable):
            return self._unreadable(event)
        name, from_type = task_name(event, record)
        if from_type and name is not None and self._catalog.named(name) is None:
            name = None
        task = self._catalog.find(self._workload, name)
        if task is None:
            asked = "default task" if name is None else f"task {_quoted(name)}"
            return self._unreadable(
                Undecodable(
                    disposition=Disposition.UNKNOWN_TASK,
                    error_type="unknown_task",
                    message=f"no {asked} in class {self._workload}",
                )
            )
        return Work(event=event, task=task, place=self._place(record, event))

    def _place(self, record: Record, event: Event) -> Place:
        written = record.timestamp if record.timestamp > 0 else self._wall()
        ends = [event.expires_at.timestamp()] if event.expires_at else []
        if self._settings.expire_after_s:
            ends.append(written + self._settings.expire_after_s)
        is_replay = bool(source_of(record).replays)
        if is_replay and record.header(IGNORE_EXPIRY_HEADER) == b"true":
            ends = []
        return Place(
            workload=self._workload,
            deadline=written + self._settings.deadline_s,
            expires_at=min(ends, default=None),
            replay=is_replay,
        )

    def _unreadable(self, problem: Undecodable) -> Failed:
        now = self._wall()
        return Failed(
            disposition=problem.disposition,
            failure=Failure(
                stage=Stage.DECODE,
                error_class="Undecodable",
                error_type=problem.error_type,
                message=problem.message,
            ),
            progress=Progress(record_attempts=1, first_failed_at=now, last_failed_at=now),
        )


def _quoted(name: str) -> str:
    """Repeat what could be a task's name; anything else is the producer's text."""
    return repr(name) if TASK_NAME.fullmatch(name) else "of that name"
