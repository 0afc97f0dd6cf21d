"""The store of one process: for tests, and for a single worker that may forget on a restart."""

import time
from collections.abc import Callable

from agents.store import reports
from agents.store.journal import RETENTION_S, Journal
from agents.store.letters import Ledger, OpenLetters
from agents.store.pool import MEMBER_S, Pool
from schemas.claim import Claim, Page, Reset
from schemas.lease import Ask, Lease
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass

MOST_SETTLED = 200_000
"""Marks kept at most, some 60 MB. What comes again to the one process that is there was read
minutes ago: ten minutes at 300 events a second."""
FORGETS = "memory:// keeps nothing over a restart: answers bought and unfinished are bought again"


class MemoryStore:
    """Shares budgets and the journal inside one process.

    `clock` counts seconds from anywhere; `wall_clock` is seconds since the epoch and only tells
    the UTC day. Settled marks live for `retention_s`, the latest MOST_SETTLED of them.
    """

    gap_s = 0.01

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._pools: dict[str, Pool] = {}
        self._workers: dict[str, tuple[float, WorkerReport]] = {}
        self._spent: dict[int, int] = {}
        self._journal = Journal(retention_s=retention_s)
        self._ledger = Ledger()
        self._resets: dict[WorkloadClass, Reset] = {}

    def __repr__(self) -> str:
        return f"<MemoryStore budgets={sorted(self._pools)} workers={sorted(self._workers)}>"

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def exchange(self, ask: Ask) -> Lease:
        """Settle and lease in one step."""
        now = self._clock()
        pool = self._pools.get(ask.budget)
        if pool is None:
            pool = self._pools[ask.budget] = Pool.first(ask, now)
        return pool.exchange(ask, now)

    async def write(self, page: Page) -> tuple[Claim, ...]:
        """Take in a worker's page in one step."""
        now = self._clock()
        for mark in page.letters:
            self._ledger.mark(mark)
        claims = self._journal.write(page, now, lambda worker: worker in self._live())
        self._journal.prune(page, now, MOST_SETTLED)
        return claims

    async def replace_letters(self, open_letters: OpenLetters) -> None:
        """Make the ledger of open letters anew."""
        self._ledger.replace(open_letters)

    async def reset_breaker(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Tell the workers that a person closed a class's flood breaker."""
        before = self._resets.get(workload)
        number = before.number + 1 if before else 1
        self._resets[workload] = Reset(number=number, accept=accept)

    async def doubts(self) -> list[str]:
        """Return what may lose records."""
        return [FORGETS]

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Keep a worker's report, add to what was spent today, return everybody alive."""
        today = self._today()
        self._spent = {today: self._spent.get(today, 0) + spent_nanousd}
        now = self._clock()
        self._workers[report.worker] = (now, report)
        # A clock that went back must not keep the dead alive until it is where it was.
        self._workers = {w: (min(seen, now), r) for w, (seen, r) in self._live().items()}
        return await self.group()

    async def group(self) -> Group:
        """Return the workers alive and what they have in common."""
        return Group(
            workers={worker: report for worker, (_, report) in self._live().items()},
            spent_nanousd=self._spent.get(self._today(), 0),
            open_letters=self._ledger.counts(),
            resets=dict(self._resets),
        )

    async def leave(self, worker: str) -> None:
        """Take a worker out at once; what it leased expires."""
        self._workers.pop(worker, None)

    def _today(self) -> int:
        return reports.day(self._wall_clock())

    def _live(self) -> dict[str, tuple[float, WorkerReport]]:
        now = self._clock()
        return {w: (seen, r) for w, (seen, r) in self._workers.items() if now - seen < MEMBER_S}
