"""Inputs joined with all that became of them, by first source.

Kept in a temporary SQLite database, which moves to disk by itself when it grows: the memory that an
audit takes does not depend on how much it reads.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Self

from schemas.workload import WorkloadClass
from streams.audit.trace import Kind, Trace
from streams.source import Source

# All that is kept in memory; SQLite counts negative numbers in KiB.
CACHE = "PRAGMA cache_size = -16384"
TABLES = """
CREATE TABLE inputs (
    topic TEXT, partition INTEGER, offset INTEGER, at REAL,
    PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
CREATE TABLE traces (
    topic TEXT, partition INTEGER, offset INTEGER,
    kind TEXT, replays INTEGER, mark TEXT, workload TEXT, at REAL, copies INTEGER,
    PRIMARY KEY (topic, partition, offset, kind, replays, mark)
) WITHOUT ROWID;
"""
ADD_TRACE = """
INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT DO UPDATE SET copies = copies + 1, at = max(at, excluded.at)
"""
CASES = """
SELECT topic, partition, offset, inputs.at, kind, replays, mark, traces.at, copies
FROM inputs LEFT JOIN traces USING (topic, partition, offset)
ORDER BY topic, partition, offset
"""
STRANGERS = """
SELECT DISTINCT topic, partition, offset FROM traces
WHERE kind <> 'replay' AND NOT EXISTS (
    SELECT 1 FROM inputs WHERE (inputs.topic, inputs.partition, inputs.offset)
        = (traces.topic, traces.partition, traces.offset)
)
"""
# A letter is open unless it was sent again or parked; a result beside it is another matter.
OPEN_LETTERS = """
SELECT workload, topic, partition, offset, newest FROM (
    SELECT workload, topic, partition, offset, max(replays) AS newest
    FROM traces WHERE kind = 'dead letter' GROUP BY topic, partition, offset
) AS letters
WHERE NOT EXISTS (
    SELECT 1 FROM traces AS later
    WHERE (later.topic, later.partition, later.offset)
        = (letters.topic, letters.partition, letters.offset)
    AND (later.kind = 'replay' AND later.replays > newest
        OR later.kind = 'parked' AND later.replays >= newest)
)
"""
Case = tuple[Source, float, tuple[Trace, ...]]


class Join:
    """Takes inputs and traces in any order, and gives them back side by side."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """Open an empty one; what it kept goes with it."""
        with closing(sqlite3.connect("", isolation_level=None)) as sql:
            sql.execute(CACHE)
            sql.executescript(TABLES)
            sql.execute("BEGIN")  # one for all: nothing here outlives a crash anyway
            yield cls(sql)

    def add_input(self, source: Source, at: float) -> None:
        """Take an input; `at` is its Kafka timestamp in seconds."""
        row = (source.topic, source.partition, source.offset, at)
        self._sql.execute("INSERT OR IGNORE INTO inputs VALUES (?, ?, ?, ?)", row)

    def add_trace(self, source: Source, trace: Trace, workload: WorkloadClass) -> None:
        """Take what became of an input; `workload` is the class of the topic it was read from."""
        place = (source.topic, source.partition, source.offset)
        what = (trace.kind, trace.replays, trace.mark, workload, trace.at)
        self._sql.execute(ADD_TRACE, place + what)

    def cases(self) -> Iterator[Case]:
        """Yield the inputs in order, with their traces."""
        rows = self._sql.execute(CASES)
        for (topic, partition, offset, at), found in groupby(rows, lambda row: row[:4]):
            source = Source(topic=topic, partition=partition, offset=offset)
            yield source, at, tuple(_trace(row) for row in found if row[4])

    def strangers(self) -> Iterator[Source]:
        """Yield the sources of ends that are no input here."""
        for topic, partition, offset in self._sql.execute(STRANGERS):
            yield Source(topic=topic, partition=partition, offset=offset)

    def open_letters(self) -> dict[WorkloadClass, dict[str, int]]:
        """Return the replay count of each open letter by class and source."""
        found: dict[WorkloadClass, dict[str, int]] = {workload: {} for workload in WorkloadClass}
        for workload, topic, partition, offset, replays in self._sql.execute(OPEN_LETTERS):
            source = Source(topic=topic, partition=partition, offset=offset)
            found[WorkloadClass(workload)][str(source)] = replays
        return found


def _trace(row: tuple[str, int, int, float, str, int, str, float, int]) -> Trace:
    kind, replays, mark, at, copies = row[4:]
    return Trace(kind=Kind(kind), replays=replays, mark=mark, at=at, copies=copies)
