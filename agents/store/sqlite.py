"""The store of one machine: an SQLite file that several worker processes share."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from agents.store.database import Database
from agents.store.journal import RETENTION_S
from agents.store.letters import OpenLetters
from schemas.claim import Claim, Page
from schemas.lease import Ask, Lease, StoreAway
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass

START_S, ANSWER_S, REPLACE_S = 5.0, 0.5, 30.0
# To give up on a page may buy an answer twice, so it is waited for longer.
WRITE_S = 2.0
T = TypeVar("T")


class SqliteStore:
    """Shares budgets and the journal between the processes that name the same file.

    The file is worked on in a thread of its own, so that a slow disk never holds the event loop.
    `wall_clock` is seconds since the epoch: the only clock that processes have in common. With
    `create=False` a missing file is a group without workers, until one of them makes it. Settled
    marks live for `retention_s`.
    """

    gap_s = 0.02

    def __init__(
        self,
        url: str,
        app: str,
        *,
        wall_clock: Callable[[], float] = time.time,
        create: bool = True,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._path = Path(url.removeprefix("sqlite:")).absolute()
        self._app = app
        self._clock = wall_clock
        self._create = create
        self._retention_s = retention_s
        self._thread: ThreadPoolExecutor | None = None
        self._open: Database | None = None

    def __repr__(self) -> str:
        return f"<SqliteStore {self._path} {'open' if self._open else 'closed'}>"

    async def start(self) -> None:
        """Open the file, or make it with mode 0600; raise StoreAway when that is not possible.

        A reader makes none: it looks for the file again whenever it is asked.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
            try:
                self._open = await self._run(self._find, START_S)
            except StoreAway:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Close the file; a disk that hangs is not waited for."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            database, self._open = self._open, None
            if database is not None:
                thread.submit(database.close)
            thread.shutdown(wait=False)

    async def exchange(self, ask: Ask) -> Lease:
        """Settle and lease in one step; raise StoreAway when it is not done in time."""
        return await self._ask(lambda database: database.exchange(ask, self._clock()))

    async def write(self, page: Page) -> tuple[Claim, ...]:
        """Take in a worker's page in one step; raise StoreAway when it is not done in time."""
        return await self._ask(lambda database: database.write(page, self._clock()), WRITE_S)

    async def replace_letters(self, open_letters: OpenLetters) -> None:
        """Make the ledger of open letters anew; others wait for the file meanwhile."""
        await self._ask(lambda database: database.replace_letters(open_letters), REPLACE_S)

    async def reset_breaker(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Tell the workers that a person closed a class's flood breaker."""
        await self._ask(lambda database: database.reset_breaker(workload, accept=accept))

    async def doubts(self) -> list[str]:
        """Return what may lose records: nothing that could be seen from here."""
        return []

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Keep a worker's report, add to what was spent today, return everybody alive."""
        group = await self._ask(
            lambda database: database.beat(report, spent_nanousd, self._clock())
        )
        if self._thread is not None and self._open is not None:
            # Not waited for: who gave this up as away would add what was spent once more.
            self._thread.submit(self._open.wipe, self._clock())
        return group

    async def group(self) -> Group:
        """Return the workers alive and what they have in common."""
        if self._open is None and self._thread is not None and not self._create:
            self._open = await self._run(self._find, START_S)
            if self._open is None:
                return Group(workers={})
        return await self._ask(lambda database: database.group(self._clock()))

    async def leave(self, worker: str) -> None:
        """Take a worker out at once; what it leased expires."""
        await self._ask(lambda database: database.leave(worker))

    def _find(self) -> Database | None:
        """Open the file. A folder that is missing is a wrong url, for a reader too."""
        try:
            return Database(
                self._path, self._app, create=self._create, retention_s=self._retention_s
            )
        except FileNotFoundError:
            if self._create or not self._path.parent.is_dir():
                raise
            return None

    async def _ask(self, step: Callable[[Database], T], limit_s: float = ANSWER_S) -> T:
        database = self._open
        if database is None:
            raise StoreAway(f"sqlite:{self._path}: is not open")
        return await self._run(lambda: step(database), limit_s)

    async def _run(self, step: Callable[[], T], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.get_running_loop().run_in_executor(self._thread, step)
        except TimeoutError as problem:
            raise StoreAway(f"sqlite:{self._path}: no answer in {limit_s:g} s") from problem
        except (sqlite3.Error, OSError, ValueError, TypeError) as problem:
            cause = getattr(problem, "strerror", None) or str(problem)
            raise StoreAway(f"sqlite:{self._path}: {cause}") from problem
