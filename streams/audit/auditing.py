"""Reads all that an audit needs from Kafka, and judges every input.

The order of reading is what makes its answer true while workers go on: commits first, so that the
end of whatever they passed is there to be read; ends before the replays that led to them, and the
inputs last.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from schemas.problem import Problem
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.audit.join import Join
from streams.audit.logs import Logs
from streams.audit.report import Report
from streams.audit.survey import Survey, survey
from streams.audit.trace import Unreadable
from streams.audit.verdict import judge
from streams.browsing import read_all
from streams.record import Partition, Record
from streams.source import source_of


class AuditFailed(Problem):
    """The audit's temporary database cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The numbers, and the replay counts of all open letters by class and source."""

    report: Report
    open_letters: Mapping[WorkloadClass, Mapping[str, int]]


async def audit(
    settings: Settings,
    *,
    since: float | None = None,
    names: int | None = None,
    wall: Callable[[], float] = time.time,
) -> Audit:
    """Audit the inputs written at `since` (seconds since the epoch) or later, None: all.

    At most `names` faults of a kind are named. Raises TopicMissing, KafkaUnavailable, AuditFailed.
    """
    logs = Logs(settings)
    with _translated(), Join.opened() as join:
        reading = Reading(logs, join, await survey(settings, logs, since))
        await reading.read(settings)
        report = reading.judged(names, wall())
        return Audit(report=report, open_letters=join.open_letters())


class Reading:
    """One pass over all topics."""

    def __init__(self, logs: Logs, join: Join, found: Survey) -> None:
        self._logs, self._join, self._survey = logs, join, found
        self._first_at: dict[Partition, float] = {}
        self._unreadable = 0

    async def read(self, settings: Settings) -> None:
        """Fill the join. Raises TopicMissing, KafkaUnavailable."""
        logs, since = self._logs, self._survey.ends_since
        for topics, begin in (
            (logs.results | logs.parked, since),
            (logs.letters, since),
            (logs.replays, since),
            (logs.inputs, self._survey.inputs_since),
        ):
            async with aclosing(read_all(settings, list(topics), begin)) as records:
                async for record in records:
                    self.take(record)

    def take(self, record: Record) -> None:
        """Put a record where it belongs."""
        self._first_at.setdefault((record.topic, record.partition), record.timestamp)
        passed = self._survey.commits.has_passed(record.topic, record.partition, record.offset)
        try:
            found = self._logs.trace(record, passed=passed)
        except Unreadable:
            self._unreadable += 1
            return
        if found:
            self._join.add_trace(*found, self._logs.workload(record.topic))
        elif record.topic in self._logs.inputs:
            self._join.add_input(source_of(record), record.timestamp)

    def judged(self, names: int | None, now: float) -> Report:
        """Judge every input that was read; `now` is seconds since the epoch."""
        report = Report(names=names, unknown=self._unreadable + self._strangers())
        memories = {
            w: self._survey.memory(self._logs, w, self._first_at, now) for w in WorkloadClass
        }
        for source, at, traces in self._join.cases():
            if self._survey.asks_for(at):
                workload, place = self._logs.inputs[source.topic], (source.topic, source.partition)
                passed = self._survey.commits.has_passed(*place, source.offset)
                verdict = judge(at, traces, memories[workload], passed=passed)
                report.add(workload, source, verdict)
        return report

    def _strangers(self) -> int:
        """Count the ends whose input was not there, among those that were asked for."""
        return sum(
            not self._survey.is_older(source.topic, source.partition, source.offset)
            for source in self._join.strangers()
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        raise AuditFailed(
            f"the temporary database of the audit: {problem}; it needs room in TMPDIR"
        ) from problem
