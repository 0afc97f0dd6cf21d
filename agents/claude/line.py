"""The waiting line of one budget, awaited."""

import asyncio
from collections.abc import Callable

from agents.claude.budget import NOTHING, Budget, Need, Reservation, Ticket
from schemas.outcome import HeldReason

# Who waits longer than this gives its slot to somebody with another model.
LONG_S = 5.0


class Line:
    """Futures for the tickets of one budget's waiting line, and the timer that looks again.

    `closed_for` says why the budget was last closed.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float]) -> None:
        self.budget = budget
        self.closed_for: HeldReason = "rate_limit"
        self._clock = clock
        self._waiters: dict[int, asyncio.Future[Reservation | None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return repr(self.budget)

    def close(self, until: float, reason: HeldReason) -> None:
        """Close the budget; when that is for long, nobody waits here meanwhile."""
        if until >= self.budget.closed_until:
            self.closed_for = reason
        self.budget.close(until)
        if until - self._clock() >= LONG_S:
            waiters, self._waiters = self._waiters, {}
            self.budget.clear()
            for future in waiters.values():
                if not future.done():
                    future.set_result(None)

    async def wait(self, need: Need, priority: int, deadline: float) -> Reservation | None:
        """Return a reservation when it is this call's turn; cancelling gives all back.

        None: the budget was closed for long, come back when it opens.
        """
        ticket = self.budget.enqueue(need, priority, deadline)
        future: asyncio.Future[Reservation | None] = asyncio.get_running_loop().create_future()
        self._waiters[ticket.arrival] = future
        self.pump()
        try:
            return await future
        except asyncio.CancelledError:
            self._abandon(ticket, future)
            raise

    def pump(self) -> None:
        """Wake everybody who may go now."""
        now = self._clock()
        grants = self.budget.grant(now)
        for ticket, reservation in grants.granted:
            future = self._waiters.pop(ticket.arrival)
            if future.cancelled():
                self.budget.settle(reservation, NOTHING, now)
            else:
                future.set_result(reservation)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if grants.next_at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, grants.next_at - now), self.pump)

    def _abandon(self, ticket: Ticket, future: "asyncio.Future[Reservation | None]") -> None:
        self._waiters.pop(ticket.arrival, None)
        if future.done() and not future.cancelled():
            if reservation := future.result():
                self.budget.settle(reservation, NOTHING, self._clock())
        else:
            self.budget.leave(ticket)
        self.pump()
