"""The SQLite file under the store: each method is one transaction. Blocks; used on one thread."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from agents.store import journal_tables, ledger_tables, reports
from agents.store.journal import RETENTION_S
from agents.store.journal_tables import JournalTables
from agents.store.ledger_tables import LedgerTables
from agents.store.letters import OpenLetters
from agents.store.pool import MEMBER_S, Pool
from agents.store.stock import Member
from schemas.claim import Claim, Page
from schemas.lease import Ask, Lease
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass

BUSY_S = 0.3
"""How long to wait for another process's step: less than the store's asker waits, so that nothing
is written for somebody who has given up."""
TRIES, BETWEEN_TRIES_S = 10, 0.05
"""Workers may open a new file in the same moment; together at most 3.5 s."""
LAYOUT = 2
"""Changes with the fields of a pool: what another version kept of pools is not read."""

# What is kept may miss the last moment before a power cut, but not before a crash.
# A page of the journal changes some 17 pages of the file, often the same: they are copied from
# the log every 16 MB, not every 4, because that waits for the disk.
# Answers hold what customers wrote: what is deleted is written over. Measured: it costs nothing.
PRAGMAS = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;
PRAGMA secure_delete = ON;
"""
WIPE_S = 10.0
"""How often the log is emptied while no answer is kept: it holds copies of old ones, and to empty
it waits for the disk."""
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

    A file that is not there is made, or else FileNotFoundError is raised. Settled marks live for
    `retention_s`.
    """

    def __init__(
        self, path: Path, app: str, *, create: bool = True, retention_s: float = RETENTION_S
    ) -> None:
        # SQLite would make the file readable for everybody; its side files copy the mode.
        os.close(os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600))
        self._app = app
        self._sql = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        self._journal = JournalTables(self._sql, app, retention_s)
        self._ledger = LedgerTables(self._sql, app)
        # Whoever had the file before may have left answers in the log.
        self._log_holds_answers, self._wiped_at = True, 0.0
        try:
            self._prepare()
        except sqlite3.Error:
            self._sql.close()
            raise

    def _prepare(self) -> None:
        """Make what is not there. SQLite does not wait for others where it changes to WAL."""
        for left in reversed(range(TRIES)):
            try:
                self._sql.executescript(
                    PRAGMAS + TABLES + journal_tables.TABLES + ledger_tables.TABLES
                )
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

    def write(self, page: Page, now: float) -> tuple[Claim, ...]:
        """Take in what a worker tells of its records, and answer its claims."""

        def lives(worker: str) -> bool:
            row = self._sql.execute(
                "SELECT seen FROM workers WHERE (app, worker) = (?, ?)", (self._app, worker)
            ).fetchone()
            return row is not None and row[0] > now - MEMBER_S

        self._log_holds_answers |= bool(page.answers)
        with self._step():
            self._ledger.mark(page.letters)
            return self._journal.write(page, now, lives)

    def replace_letters(self, open_letters: OpenLetters) -> None:
        """Forget which letters were open; these are all."""
        with self._step():
            self._ledger.replace(open_letters)

    def reset_breaker(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Count one more reset of a class's breaker."""
        with self._step():
            self._ledger.reset(workload, accept=accept)

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
        """Return the workers alive and what they have in common."""
        kept = self._sql.execute(
            "SELECT worker, report FROM workers WHERE app = ? AND seen > ? ORDER BY worker",
            (self._app, now - MEMBER_S),
        ).fetchall()
        spent = self._sql.execute(
            "SELECT nanousd FROM spending WHERE (app, day) = (?, ?)",
            (self._app, reports.day(now)),
        ).fetchone()
        return reports.group(
            kept, spent[0] if spent else 0, self._ledger.counts(), self._ledger.resets()
        )

    def wipe(self, now: float) -> None:
        """Empty the log when no answer is kept any more; what is busy is left for another time."""
        if not self._log_holds_answers or 0 <= now - self._wiped_at < WIPE_S:
            return
        if self._sql.execute("SELECT 1 FROM answers LIMIT 1").fetchone() is None:
            [is_busy, *_] = self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._log_holds_answers, self._wiped_at = bool(is_busy), now

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
