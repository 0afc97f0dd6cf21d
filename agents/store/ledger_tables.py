"""Open letters and resets of flood breakers in an SQLite file, within another's transaction."""

import sqlite3
from collections.abc import Iterable

from agents.store.letters import OpenLetters, after
from schemas.claim import LetterMark, Reset
from schemas.workload import WorkloadClass

TABLES = """
CREATE TABLE IF NOT EXISTS letters (
    app TEXT, workload TEXT, source TEXT, replays INTEGER, PRIMARY KEY (app, workload, source)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter_counts (
    app TEXT, workload TEXT, open INTEGER, PRIMARY KEY (app, workload)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resets (
    app TEXT, workload TEXT, number INTEGER, accept INTEGER, PRIMARY KEY (app, workload)
) WITHOUT ROWID;
"""


class LedgerTables:
    """One application's open letters, counted as they come and go: a beat must not count them."""

    def __init__(self, sql: sqlite3.Connection, app: str) -> None:
        self._sql = sql
        self._app = app

    def mark(self, marks: Iterable[LetterMark]) -> None:
        """Take in marks, in their order."""
        for mark in marks:
            key = (self._app, mark.workload, mark.source)
            row = self._sql.execute(
                "SELECT replays FROM letters WHERE (app, workload, source) = (?, ?, ?)", key
            ).fetchone()
            kept = row[0] if row else None
            replays = after(mark, kept)
            if replays is None and row:
                self._sql.execute(
                    "DELETE FROM letters WHERE (app, workload, source) = (?, ?, ?)", key
                )
            elif replays != kept:
                self._sql.execute("REPLACE INTO letters VALUES (?, ?, ?, ?)", (*key, replays))
            if (change := (replays is not None) - (kept is not None)) != 0:
                self._count(mark.workload, change)

    def replace(self, open_letters: OpenLetters) -> None:
        """Forget what was known; these are all."""
        self._sql.execute("DELETE FROM letters WHERE app = ?", (self._app,))
        self._sql.execute("DELETE FROM letter_counts WHERE app = ?", (self._app,))
        for workload, sources in open_letters.items():
            rows = [(self._app, workload, *row) for row in sorted(sources.items())]
            self._sql.executemany("INSERT INTO letters VALUES (?, ?, ?, ?)", rows)
            self._count(workload, len(rows))

    def counts(self) -> dict[str, int]:
        """Return how many are open, by class."""
        rows = self._sql.execute(
            "SELECT workload, open FROM letter_counts WHERE app = ?", (self._app,)
        )
        return dict(rows)

    def reset(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Count one more reset of a class's breaker."""
        self._sql.execute(
            "INSERT INTO resets VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE"
            " SET number = number + 1, accept = excluded.accept",
            (self._app, workload, accept),
        )

    def resets(self) -> dict[str, Reset]:
        """Return the last reset of each class that had any."""
        rows = self._sql.execute(
            "SELECT workload, number, accept FROM resets WHERE app = ?", (self._app,)
        )
        return {
            workload: Reset(number=number, accept=bool(accept)) for workload, number, accept in rows
        }

    def _count(self, workload: WorkloadClass, change: int) -> None:
        self._sql.execute(
            "INSERT INTO letter_counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET open = open + excluded.open",
            (self._app, workload, change),
        )
