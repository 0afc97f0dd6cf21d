"""The SQLite file under the store: each method is one transaction. Blocks; used on one thread."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from agents.store import reports
from agents.store.pool import MEMBER_S, Pool
from agents.store.stock import Member
from schemas.lease import Ask, Lease
from schemas.standing import Group, WorkerReport

BUSY_S = 0.3
"""How long to wait for another process's step: less than the store's asker waits, so that nothing
is written for somebody who has given up."""
TRIES, BETWEEN_TRIES_S = 10, 0.05
"""Workers may open a new file in the same moment; together at most 3.5 s."""
LAYOUT = 2
"""Changes with the fields of a pool: what another version kept of pools is not read."""

# A pool is worth a few seconds of traffic: it may miss a power cut, but not a crash.
PRAGMAS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
TABLES = """
CREATE TABLE IF NOT EXISTS pools (
    app TEXT, layout INTEGER, budget TEXT, pool BLOB, PRIMARY KEY (app, layout, budget)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workers (
    app TEXT, worker TEXT, seen REAL, report BLOB, PRIMARY KEY (app, worker)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spending (
    app TEXT, day INTEGER, nanousd INTEGER, PRIMARY KEY (app, day)
) WITHOUT ROWID;
"""


class Database:
    """An open file. Raises sqlite3.Error and OSError; `now` is seconds since the epoch.

    A file that is not there is made, or else FileNotFoundError is raised.
    """

    def __init__(self, path: Path, app: str, *, create: bool = True) -> None:
        # SQLite would make the file readable for everybody; its side files copy the mode.
        os.close(os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600))
        self._app = app
        self._sql = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.Error:
            self._sql.close()
            raise

    def _prepare(self) -> None:
        """Make what is not there. SQLite does not wait for others where it changes to WAL."""
        for left in reversed(range(TRIES)):
            try:
                self._sql.executescript(PRAGMAS + TABLES)
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                    raise
                time.sleep(BETWEEN_TRIES_S)
            else:
                return

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def exchange(self, ask: Ask, now: float) -> Lease:
        """Settle and lease in one step."""
        key = (self._app, LAYOUT, ask.budget)
        with self._step():
            row = self._sql.execute(
                "SELECT pool FROM pools WHERE (app, layout, budget) = (?, ?, ?)", key
            ).fetchone()
            pool = _pool(row[0]) if row else Pool.first(ask, now)
            lease = pool.exchange(ask, now)
            self._sql.execute("REPLACE INTO pools VALUES (?, ?, ?, ?)", (*key, orjson.dumps(pool)))
        return lease

    def beat(self, report: WorkerReport, spent_nanousd: int, now: float) -> Group:
        """Keep a report and what was spent, drop who was silent, return who is alive."""
        today = reports.day(now)
        with self._step():
            self._sql.execute(
                "REPLACE INTO workers VALUES (?, ?, ?, ?)",
                (self._app, report.worker, now, reports.encode(report)),
            )
            # A clock that went back must not keep the dead alive until it is where it was.
            self._sql.execute("UPDATE workers SET seen = ?1 WHERE seen > ?1", (now,))
            self._sql.execute("DELETE FROM workers WHERE seen <= ?", (now - MEMBER_S,))
            self._sql.execute(
                "INSERT INTO spending VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET nanousd = nanousd + excluded.nanousd",
                (self._app, today, spent_nanousd),
            )
            self._sql.execute("DELETE FROM spending WHERE day < ?", (today - 1,))
            return self.group(now)

    def group(self, now: float) -> Group:
        """Return the workers alive and what they spent on this UTC day."""
        kept = self._sql.execute(
            "SELECT worker, report FROM workers WHERE app = ? AND seen > ? ORDER BY worker",
            (self._app, now - MEMBER_S),
        ).fetchall()
        spent = self._sql.execute(
            "SELECT nanousd FROM spending WHERE (app, day) = (?, ?)",
            (self._app, reports.day(now)),
        ).fetchone()
        return reports.group(kept, spent[0] if spent else 0)

    def leave(self, worker: str) -> None:
        """Take a worker out."""
        key = (self._app, worker)
        self._sql.execute("DELETE FROM workers WHERE (app, worker) = (?, ?)", key)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Do all or nothing, with nobody in between."""
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sql.execute("COMMIT")
        finally:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")


def _pool(kept: bytes) -> Pool:
    row = orjson.loads(kept)
    members = {worker: Member(**member) for worker, member in row.pop("members").items()}
    return Pool(**row, members=members)
