"""The store, and each worker's own safe share of every budget while it is away."""

import logging
import math
from collections.abc import Callable
from dataclasses import replace

from agents.budget.leases import Leases
from agents.store.pool import Pool
from schemas.lease import Ask, Lease, StoreAway
from schemas.standing import Group, WorkerReport

log = logging.getLogger("headrace")

# Workers do not notice in the same moment that the store is away, nor that it is back.
MARGIN = 0.9
# A call granted alone is sent after that: not later than so long, connection included.
SENDING_S = 5.0


class Shelter:
    """Leases from the store; without it, from pools of this worker's own.

    Its share is the limit divided by the workers last seen alive. `away` says why the store is
    not there, "" when it is.
    """

    def __init__(self, store: Leases, clock: Callable[[], float]) -> None:
        self.away = ""
        self._store, self._clock = store, clock
        self._own: dict[str, Pool] = {}
        self._back_at: dict[str, float] = {}
        self._group = Group(workers={})
        self._unsent_nanousd = 0

    def __repr__(self) -> str:
        return f"Shelter({self._store!r}{', alone' if self.away else ''})"

    @property
    def gap_s(self) -> float:
        """The store's own."""
        return self._store.gap_s

    @property
    def group(self) -> Group:
        """Who was alive at the last beat, and what was spent today."""
        return self._group

    async def exchange(self, ask: Ask) -> Lease:
        """Ask the store; when it is away, the own share."""
        if self.away:
            return self._alone(ask)
        back_at = self._back_at.get(ask.budget)
        try:
            lease = await self._store.exchange(
                ask if back_at is None else self._after(ask, back_at)
            )
        except StoreAway as problem:
            self._lost(problem)
            return self._alone(ask)
        if back_at == math.inf:
            self._back_at[ask.budget] = self._clock() + SENDING_S
        return lease

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Show that this worker lives; a beat that comes through ends the time alone."""
        self._unsent_nanousd += spent_nanousd
        try:
            group = await self._store.beat(report, self._unsent_nanousd)
        except StoreAway as problem:
            self._lost(problem)
            spent = self._group.spent_nanousd + spent_nanousd
            self._group = self._group.model_copy(update={"spent_nanousd": spent})
        else:
            self._unsent_nanousd, self._group = 0, group
            self._found()
        return self._group

    def _after(self, ask: Ask, back_at: float) -> Ask:
        """Leave out what the store cannot place; `back_at` is inf until it was asked once.

        The marks of calls granted alone count from this worker's own pool. Taken for the store's,
        they would charge all that was ever spent a second time.
        """
        now = self._clock()
        told = tuple(each for each in ask.told if now - each.age_s >= back_at)
        return replace(ask, told=told, resync=back_at == math.inf)

    def _alone(self, ask: Ask) -> Lease:
        alone = replace(
            ask, share=ask.share * MARGIN / max(1, len(self._group.workers)), fresh=False
        )
        now = self._clock()
        pool = self._own.get(ask.budget)
        if pool is None:
            pool = self._own[ask.budget] = Pool.first(alone, now)
        return pool.exchange(alone, now)

    def _lost(self, problem: StoreAway) -> None:
        if not self.away:
            log.error(
                "%s; this worker goes on with its share, 1 of %d",
                problem,
                max(1, len(self._group.workers)),
                extra={"event": "store_away"},
            )
        self.away = str(problem)

    def _found(self) -> None:
        if self.away:
            log.warning("the store is back", extra={"event": "store_back"})
            self.away = ""
            self._back_at |= dict.fromkeys(self._own, math.inf)
            self._own.clear()
