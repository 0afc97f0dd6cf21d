"""The store of one process: for tests, and for a single worker that may forget on a restart."""

import time
from collections.abc import Callable

from agents.store import reports
from agents.store.pool import MEMBER_S, Pool
from schemas.lease import Ask, Lease
from schemas.standing import Group, WorkerReport


class MemoryStore:
    """Shares budgets inside one process.

    `clock` counts seconds from anywhere; `wall_clock` is seconds since the epoch and only tells
    the UTC day.
    """

    gap_s = 0.01

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._pools: dict[str, Pool] = {}
        self._workers: dict[str, tuple[float, WorkerReport]] = {}
        self._spent: dict[int, int] = {}

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
        """Return the workers alive and what they spent on this UTC day."""
        return Group(
            workers={worker: report for worker, (_, report) in self._live().items()},
            spent_nanousd=self._spent.get(self._today(), 0),
        )

    async def leave(self, worker: str) -> None:
        """Take a worker out at once; what it leased expires."""
        self._workers.pop(worker, None)

    def _today(self) -> int:
        return reports.day(self._wall_clock())

    def _live(self) -> dict[str, tuple[float, WorkerReport]]:
        now = self._clock()
        return {w: (seen, r) for w, (seen, r) in self._workers.items() if now - seen < MEMBER_S}
