"""One worker's side of a budget: waiting line, stock leased ahead, reservations. Pure.

No I/O, no clock: every method takes the time as an argument, in seconds of one monotonic clock.
What may be spent is decided by the pool that all workers share; `ask` makes the question for it
and `apply` uses its answer.
"""

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from agents.budget.tickets import Granted, Reservation, Ticket
from agents.budget.used import Used
from schemas.lease import (
    PRIORITIES,
    Amounts,
    Ask,
    Closing,
    Heard,
    Lease,
    Rules,
    Told,
    Want,
    nothing,
    nothing_by_class,
)
from schemas.outcome import HeldReason

# A stock for the calls of so long a time is leased ahead, so that most calls need no exchange.
AHEAD_S = 0.2
# The own rate of calls is averaged over about so long.
RATE_S = 1.0
# How many of a class ask at once: few while few are granted, more when all were.
LEAST_ASKED, MOST_ASKED = 4, 256
HAIR = 1e-9


@dataclass(slots=True)
class _News:
    """What the pool has to be told at the next exchange."""

    returned: Amounts = field(default_factory=nothing)
    told: Told | None = None
    told_sent_at: float = 0.0
    closing: Closing | None = None
    probe: str = ""
    probe_of: int = 0
    # No reason to exchange: it waits for the next one.
    taken: list[Amounts] = field(default_factory=nothing_by_class, compare=False)


class Budget:
    """The share of one worker in the allocation of a model class: RPM, ITPM, OTPM."""

    def __init__(self, models: Iterable[str], rules: Rules, worker: str = "worker") -> None:
        self.models = tuple(models)
        self.rules = rules
        self.share = 1.0
        self.used = Used()
        self.closed_for: HeldReason = "rate_limit"
        self.lease: Lease | None = None
        self._worker = worker
        self._lines: list[list[Ticket]] = [[] for _ in range(PRIORITIES)]
        self._asked_of = [LEAST_ASKED] * PRIORITIES
        self._asked: list[Ticket] = []
        self._numbers = count(1)
        self._held: dict[int, Reservation] = {}
        self._news = _News()
        self._ahead, self._mark = nothing(), nothing()
        self._taken, self._rates, self._rated_at = nothing(), nothing(), -math.inf
        self._closed_until = 0.0
        self._probes: dict[int, int] = {}  # reservation -> the closing after which it was granted

    def __repr__(self) -> str:
        return f"Budget({self.name}, {self.waiting()} waiting, {len(self._held)} in flight)"

    @property
    def name(self) -> str:
        """What the pool of this budget is called."""
        return "+".join(sorted(self.models))

    @property
    def limits(self) -> Amounts:
        """A minute's limits in force; 0: none known."""
        return self.lease.limits if self.lease else self.rules.ceilings

    @property
    def stock(self) -> Amounts:
        """What all workers may still take, as of the last exchange."""
        return self.lease.levels if self.lease else nothing()

    @property
    def has_heard(self) -> bool:
        """Whether the API has told limits to any worker."""
        return self.lease is not None and any(self.lease.known)

    @property
    def in_flight(self) -> int:
        """Calls granted and not settled."""
        return len(self._held)

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell the pool."""
        return self._news != _News()

    @property
    def has_urgent_news(self) -> bool:
        """Whether others should know at once."""
        return bool(self._news.closing or self._news.probe)

    def closed_s(self, now: float) -> float:
        """Return for how long nothing is granted from now on."""
        return max(0.0, self._closed_until - now)

    def waiting(self) -> int:
        """How many stand in line."""
        return sum(self.waiting_of(priority) for priority in range(PRIORITIES))

    def waiting_of(self, priority: int) -> int:
        """How many of one class stand in line."""
        asked = sum(not t.left for t in self._asked if t.priority == priority)
        return asked + sum(not ticket.left for ticket in self._lines[priority])

    @property
    def is_waited_for(self) -> bool:
        """Whether anybody stands in line, or did a moment ago."""
        return bool(self._asked) or any(self._lines)

    def take(self, need: Amounts, priority: int, now: float) -> Reservation | None:
        """Reserve from the stock leased ahead; None: stand in line."""
        if self.is_waited_for or self._closed_until > now or not self._covers(need):
            return None
        return self._from_ahead(need, priority, now)

    def enqueue(self, need: Amounts, priority: int, deadline: float) -> tuple[Ticket, bool]:
        """Join the waiting line; also tell whether this call is the first of its class now."""
        ticket = Ticket(deadline, next(self._numbers), priority, need)
        heapq.heappush(self._lines[priority], ticket)
        return ticket, self._is_first(ticket)

    def leave(self, ticket: Ticket) -> bool:
        """Leave the line without a grant; also tell whether it was the first of its class."""
        ticket.left = True
        return self._is_first(ticket)

    def clear(self) -> None:
        """Let everybody leave the line."""
        for line in (self._asked, *self._lines):
            for ticket in line:
                ticket.left = True
        self._lines = [[] for _ in range(PRIORITIES)]

    def ask(self, now: float) -> Ask:
        """Return what the pool is told and asked; the stock leased ahead goes back with it."""
        news, self._news = self._news, _News()
        returned = [news.returned[u] + self._ahead[u] for u in range(3)]
        self._ahead = nothing()
        self._rate(now)
        self._asked = [t for priority in range(PRIORITIES) for t in self._first_of(priority)]
        known = self.lease
        told = news.told
        return Ask(
            budget=self.name,
            worker=self._worker,
            rules=self.rules,
            share=self.share,
            returned=returned,
            wants=tuple(
                Want(priority=t.priority, deadline=t.deadline, need=t.need) for t in self._asked
            ),
            ahead=[AHEAD_S * rate for rate in self._rates],
            told=(replace(told, age_s=now - news.told_sent_at),) if told else (),
            closing=news.closing,
            probe=news.probe,
            probe_of=news.probe_of,
            closed_s=self.closed_s(now),
            closed_for=self.closed_for,
            taken=news.taken if any(map(any, news.taken)) else [],
            known=known.known if known else nothing(),
            bursts_s=known.bursts_s if known else nothing(),
            fresh=known is None,
        )

    def apply(self, lease: Lease, now: float) -> list[Granted]:
        """Use an answer: let those go who may, put the others back in line."""
        self.lease, self._ahead, self._mark = lease, list(lease.ahead), list(lease.mark)
        if self._news.closing:  # somebody was told to wait during the exchange
            self._give_back([self._asked[n] for n in lease.granted])
            return []
        self._closed_until = now + lease.closed_s if lease.closed_s else 0.0
        self.closed_for = lease.closed_for
        granted = [(self._asked[n], self._reserve(self._asked[n], now)) for n in lease.granted]
        if lease.probing:
            self._probes |= {reservation.id: lease.closings for _, reservation in granted}
        self._put_back(set(lease.granted))
        return granted + self._served_ahead(now)

    def is_probe(self, reservation: Reservation) -> bool:
        """Whether all others wait for what this call brings."""
        return reservation.id in self._probes

    def unanswered(self) -> None:
        """Put everybody back in line: the exchange failed."""
        self._put_back(set())

    def settle(self, reservation: Reservation, used: Amounts, now: float) -> None:
        """Replace what was reserved by what was used; a second settlement changes nothing."""
        if self._held.pop(reservation.id, None) is None:
            return
        for u in range(3):
            self._news.returned[u] += reservation.need[u] - used[u]
        if any(used):
            self.used.add(reservation.priority, used, now)
        closing = self._probes.pop(reservation.id, None)
        if closing is not None and self._news.probe != "answered":
            self._news.probe, self._news.probe_of = "failed", closing  # without any answer

    def hear(
        self, heard: Heard, reservation: Reservation, sent_at: float, *, answered: bool
    ) -> None:
        """Take note of the headers of the response to one reservation; the newest request wins."""
        if answered and reservation.id in self._probes:
            self._news.probe, self._news.probe_of = "answered", self._probes.pop(reservation.id)
        if any(heard.limits) and (not self._news.told or sent_at >= self._news.told_sent_at):
            self._news.told_sent_at = sent_at
            self._news.told = Told(
                age_s=0, mark=reservation.mark, limits=heard.limits, remaining=heard.remaining
            )

    def close(self, closing: Closing, now: float) -> None:
        """Grant nothing for some time, here and in every other worker."""
        until = now + closing.seconds
        if until >= self._closed_until:
            self._closed_until, self.closed_for = until, closing.reason
        if not self._news.closing or closing.seconds >= self._news.closing.seconds:
            self._news.closing = closing

    def _give_back(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            for u in range(3):
                self._news.returned[u] += ticket.need[u]
        self._put_back(set())

    def _is_first(self, ticket: Ticket) -> bool:
        line = (*self._asked, *self._lines[ticket.priority][:1])
        return not any(t < ticket for t in line if t.priority == ticket.priority and not t.left)

    def _first_of(self, priority: int) -> list[Ticket]:
        line, first = self._lines[priority], list[Ticket]()
        while line and len(first) < self._asked_of[priority]:
            ticket = heapq.heappop(line)
            if not ticket.left:
                first.append(ticket)
        return first

    def _put_back(self, granted: set[int]) -> None:
        asked, self._asked = self._asked, []
        counts = [[0, 0] for _ in range(PRIORITIES)]
        for position, ticket in enumerate(asked):
            counts[ticket.priority][0] += 1
            if position in granted:
                counts[ticket.priority][1] += 1
            elif not ticket.left:
                heapq.heappush(self._lines[ticket.priority], ticket)
        for priority, (wanted, got) in enumerate(counts):
            if wanted:
                self._asked_of[priority] = max(LEAST_ASKED, min(MOST_ASKED, 2 * got))

    def _served_ahead(self, now: float) -> list[Granted]:
        """Serve those who came meanwhile from the stock leased ahead."""
        granted: list[Granted] = []
        for line in self._lines:
            while line and (line[0].left or self._covers(line[0].need)):
                ticket = heapq.heappop(line)
                if not ticket.left:
                    reservation = self._from_ahead(ticket.need, ticket.priority, now)
                    granted.append((ticket, reservation))
            if line:
                break
        return granted

    def _covers(self, need: Amounts) -> bool:
        return all(self._ahead[u] + HAIR >= need[u] for u in range(3))

    def _from_ahead(self, need: Amounts, priority: int, now: float) -> Reservation:
        for u in range(3):
            self._ahead[u] -= need[u]
            self._news.taken[priority][u] += need[u]
        return self._reserve(Ticket(0.0, next(self._numbers), priority, need), now)

    def _reserve(self, ticket: Ticket, now: float) -> Reservation:
        for u in range(3):
            self._mark[u] += ticket.need[u]
            self._taken[u] += ticket.need[u]
        reservation = Reservation(
            id=ticket.arrival,
            priority=ticket.priority,
            need=ticket.need,
            granted_at=now,
            mark=list(self._mark),
        )
        self._held[reservation.id] = reservation
        return reservation

    def _rate(self, now: float) -> None:
        """Average what this worker takes a second."""
        passed_s = now - self._rated_at
        if passed_s <= 0:
            return
        newest = 1 - math.exp(-passed_s / RATE_S)
        for u in range(3):
            self._rates[u] += newest * (self._taken[u] / passed_s - self._rates[u])
        self._taken, self._rated_at = nothing(), now
