"""The waiting line of one budget, awaited, and its exchanges with the pool."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from agents.budget.budget import Budget
from agents.budget.leases import Leases
from agents.budget.tickets import Reservation, Ticket
from agents.budget.timer import Timer
from schemas.lease import Amounts, Closing, Heard, Lease, nothing

log = logging.getLogger(__name__)

# Who waits longer than this gives its slot to somebody with another model.
LONG_S = 5.0
# A line is looked at again at least this often while somebody waits; a quiet worker tells its
# news, and shows that it is there, more slowly.
WAITING_S, NEWS_S, QUIET_S = 0.25, 0.25, 2.0
# After an exchange that failed for no known reason.
BROKEN_S = 1.0


class Line:
    """Futures for the tickets of one budget, and the timer of the next exchange."""

    def __init__(
        self,
        budget: Budget,
        leases: Leases,
        clock: Callable[[], float],
        limit_changed: Callable[[str, Amounts, Amounts], None] | None = None,
    ) -> None:
        self.budget = budget
        self._leases, self._clock = leases, clock
        self._limit_changed = limit_changed
        self._waiters: dict[int, asyncio.Future[Reservation | None]] = {}
        self._timer = Timer(self._begin)
        self._exchanging: asyncio.Task[None] | None = None
        self._urgent = True
        self._exchanged_at = 0.0
        self._stopped = False

    def __repr__(self) -> str:
        return repr(self.budget)

    def close(self, closing: Closing) -> None:
        """Close the budget for everybody; when that is for long, nobody waits here meanwhile."""
        self.budget.close(closing, self._clock())
        self._send_away()
        self.look()

    async def wait(self, need: Amounts, priority: int, deadline: float) -> Reservation | None:
        """Return a reservation when it is this call's turn; cancelling gives all back.

        None: the budget was closed for long, come back when it opens.
        """
        if reservation := self.budget.take(need, priority, self._clock()):
            return reservation
        ticket, first = self.budget.enqueue(need, priority, deadline)
        future: asyncio.Future[Reservation | None] = asyncio.get_running_loop().create_future()
        self._waiters[ticket.arrival] = future
        self._urgent = self._urgent or first
        self.look()
        try:
            return await future
        except asyncio.CancelledError:
            self._abandon(ticket, future)
            raise

    def settle(self, reservation: Reservation, used: Amounts) -> None:
        """Give back what was not used, or charge what was used beyond."""
        self.budget.settle(reservation, used, self._clock())
        self.look()

    def hear(
        self, heard: Heard, reservation: Reservation, took_s: float, *, answered: bool
    ) -> None:
        """Pass on what the headers of a response tell; they took so long to come."""
        sent_at = self._clock() - took_s
        self.budget.hear(heard, reservation, sent_at, answered=answered)
        self.look()

    def look(self) -> None:
        """Set the timer of the next exchange; one at a time."""
        if self._exchanging or self._stopped:
            return  # the exchange looks again when it ends
        self._timer.set(self._due_at())

    def stop(self) -> None:
        """Exchange nothing more, whatever is settled later."""
        self._stopped = True
        self._timer.stop()
        if self._exchanging:
            self._exchanging.cancel()

    def _due_at(self) -> float:
        """Return when the pool is asked again, on the event loop's clock."""
        budget, lease = self.budget, self.budget.lease
        after = self._exchanged_at
        if (self._urgent and budget.is_waited_for) or budget.has_urgent_news:
            return after
        if budget.is_waited_for:
            look_again_s = lease.look_again_s if lease else None
            wait_s = 0.0 if budget.has_news else min(look_again_s or 0.0, WAITING_S)
            return after + max(self._leases.gap_s, wait_s)
        return after + (NEWS_S if budget.has_news else QUIET_S)

    def _begin(self) -> None:
        self._exchanging = asyncio.get_running_loop().create_task(self._exchange())

    async def _exchange(self) -> None:
        budget = self.budget
        self._urgent = False
        ask = budget.ask(self._clock())
        try:
            lease = await self._leases.exchange(ask)
            self._exchanged_at = asyncio.get_running_loop().time()
            # All who asked were served: there may be more for the rest.
            self._urgent = self._urgent or len(lease.granted) == len(ask.wants)
            self._announce(lease)
            self._let_go(budget.apply(lease, self._clock()))
            self._send_away()
        except Exception:
            # A bug must not stop the line: those who wait ask again.
            log.exception("the exchange with the pool failed", extra={"event": "exchange_failed"})
            budget.unanswered()
            self._exchanged_at = asyncio.get_running_loop().time() + BROKEN_S
        finally:
            self._exchanging = None
        self.look()

    def _announce(self, lease: Lease) -> None:
        """Tell of limits that the API changed; the first ones it tells are news as well."""
        before = self.budget.lease.known if self.budget.lease else nothing()
        if self._limit_changed and lease.known != before:
            self._limit_changed(self.budget.models[0], before, lease.known)

    def _let_go(self, granted: Iterable[tuple[Ticket, Reservation]]) -> None:
        for ticket, reservation in granted:
            future = self._waiters.pop(ticket.arrival, None)
            if future is None or future.done():
                self.budget.settle(reservation, nothing(), self._clock())
            else:
                future.set_result(reservation)

    def _send_away(self) -> None:
        """Let nobody wait for a budget that is closed for long."""
        if self.budget.closed_s(self._clock()) < LONG_S or not self._waiters:
            return
        waiters, self._waiters = self._waiters, {}
        self.budget.clear()
        for future in waiters.values():
            if not future.done():
                future.set_result(None)

    def _abandon(self, ticket: Ticket, future: "asyncio.Future[Reservation | None]") -> None:
        self._waiters.pop(ticket.arrival, None)
        if future.done() and not future.cancelled():
            if reservation := future.result():
                self.settle(reservation, nothing())
        else:
            # Those behind a call that was saved up for may go now.
            self._urgent = self.budget.leave(ticket) or self._urgent
            self.look()
