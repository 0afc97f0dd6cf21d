"""The rate budget of one model class: ledger, waiting line, gate. Pure: no I/O, no clock.

Every method takes the time as an argument, in seconds of one monotonic clock.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from agents.claude.bucket import Bucket
from agents.claude.limits import ROUNDING, Heard, Unit
from schemas.sections import Ceiling

# While nothing is known about a model's limits, and after a closed time, calls go one by one. One
# that hangs keeps the others waiting for so long.
PROBE_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one call takes: a request, uncached input tokens, output tokens."""

    input_tokens: float
    output_tokens: float
    requests: float = 1

    def of(self, unit: Unit) -> float:
        """Return the amount in one unit."""
        if unit is Unit.REQUESTS:
            return self.requests
        return self.input_tokens if unit is Unit.INPUT_TOKENS else self.output_tokens


NOTHING = Need(input_tokens=0, output_tokens=0, requests=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Capacity taken for one call. `marks` are the sums charged so far, this one included."""

    id: int
    need: Need
    granted_at: float
    marks: dict[Unit, float]


@dataclass(order=True, slots=True)
class Ticket:
    """A place in the waiting line: class priority, then deadline, then arrival. Never size."""

    priority: int
    deadline: float
    arrival: int
    need: Need = field(compare=False)
    left: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """Who may go now, and when to look again (None: nobody waits)."""

    granted: tuple[tuple[Ticket, Reservation], ...]
    next_at: float | None


class Budget:
    """The shared allocation of one model class: RPM, ITPM, OTPM."""

    def __init__(self, ceiling: Ceiling, now: float) -> None:
        self._ceiling: dict[Unit, int | None] = {
            Unit.REQUESTS: ceiling.requests_per_minute,
            Unit.INPUT_TOKENS: ceiling.input_tokens_per_minute,
            Unit.OUTPUT_TOKENS: ceiling.output_tokens_per_minute,
        }
        self.buckets = {unit: Bucket.of(limit, now) for unit, limit in self._ceiling.items()}
        self._line: list[Ticket] = []
        self._numbers = count(1)
        self._held: dict[int, Reservation] = {}
        self._known = any(limit is not None for limit in self._ceiling.values())
        self._closed_until = 0.0
        self._granted_at = 0.0
        self._probe: Reservation | None = None

    def __repr__(self) -> str:
        levels = ", ".join(f"{u.value} {b.level:.0f}/{b.limit}" for u, b in self.buckets.items())
        return f"Budget({levels}, {len(self._line)} waiting, {len(self._held)} in flight)"

    @property
    def in_flight(self) -> int:
        """Calls granted and not settled."""
        return len(self._held)

    @property
    def closed_until(self) -> float:
        """When the gate opens again; in the past when it is open."""
        return self._closed_until

    def enqueue(self, need: Need, priority: int, deadline: float) -> Ticket:
        """Join the waiting line."""
        ticket = Ticket(priority, deadline, next(self._numbers), need)
        heapq.heappush(self._line, ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Leave the line without a grant."""
        ticket.left = True

    def clear(self) -> None:
        """Let everybody leave the line."""
        self._line.clear()

    def grant(self, now: float) -> Grants:
        """Let the head of the line go while there is capacity: all units or none.

        The head is saved up for: nobody overtakes it, however small.
        """
        granted: list[tuple[Ticket, Reservation]] = []
        for bucket in self.buckets.values():
            bucket.refill(now)
        while self._line:
            head = self._line[0]
            if not head.left and (wait := self._wait_s(head.need, now)) != 0:
                return Grants(granted=tuple(granted), next_at=now + wait)
            heapq.heappop(self._line)
            if not head.left:
                granted.append((head, self._reserve(head.need, now)))
        return Grants(granted=tuple(granted), next_at=None)

    def settle(self, reservation: Reservation, used: Need, now: float) -> None:
        """Replace what was reserved by what was used; a second settlement changes nothing."""
        if self._held.pop(reservation.id, None) is None:
            return
        if self._probe is reservation:
            self._probe = None
            if not used.requests:  # it was never admitted: the next one is the probe
                self.close(now)
        for unit, bucket in self.buckets.items():
            bucket.refill(now)
            bucket.take(used.of(unit) - reservation.need.of(unit))
            bucket.use(used.of(unit))

    def succeeded(self) -> None:
        """Take note of an answer: limits that no header names are no limits."""
        self._known = True

    def hear(self, told: Iterable[Heard], reservation: Reservation, now: float) -> None:
        """Correct the ledger by the headers of the response to one reservation."""
        for limit in told:
            self._known = True
            self._correct(limit, reservation, now)

    def close(self, until: float) -> None:
        """Grant nothing until then; afterwards one probe goes before the crowd."""
        self._closed_until = max(self._closed_until, until)
        self._probe = None

    def is_closed(self, now: float) -> bool:
        """Whether nothing is granted at present."""
        return now < self._closed_until

    def waiting(self) -> int:
        """How many stand in line."""
        return sum(not ticket.left for ticket in self._line)

    def _wait_s(self, need: Need, now: float) -> float:
        """Return how long to wait; 0: go."""
        if self.is_closed(now):
            return self._closed_until - now
        if self._probe or (not self._known and self._held):
            patience = self._granted_at + PROBE_PATIENCE_S - now
            if patience > 0:
                return patience
        return max(bucket.wait_s(need.of(unit)) for unit, bucket in self.buckets.items())

    def _reserve(self, need: Need, now: float) -> Reservation:
        for unit, bucket in self.buckets.items():
            bucket.take(need.of(unit))
        reservation = Reservation(
            id=next(self._numbers),
            need=need,
            granted_at=now,
            marks={unit: bucket.charged for unit, bucket in self.buckets.items()},
        )
        self._held[reservation.id] = reservation
        self._granted_at = now
        # The first grant after a closed time is the probe, and so is the next if that one hangs.
        if self._closed_until > 0 or self._probe:
            self._probe, self._closed_until = reservation, 0.0
        return reservation

    def _correct(self, told: Heard, reservation: Reservation, now: float) -> None:
        bucket, margin = self.buckets[told.unit], ROUNDING[told.unit]
        ceiling = self._ceiling[told.unit]
        bucket.adopt(min(told.limit, ceiling) if ceiling else told.limit, now)
        if ceiling and told.limit > ceiling:
            return  # our own, lower ceiling is exact without the API's help
        since = bucket.charged - reservation.marks[told.unit]
        # The header describes the moment of admission, between grant and now: what was granted
        # since is not in it, and it may be older than `now` by the whole call.
        refill = (now - reservation.granted_at) * bucket.rate
        emitted_later = told.unit is Unit.OUTPUT_TOKENS
        low = told.remaining - margin + (reservation.need.requests if not margin else 0)
        high = told.remaining + margin + refill - (0 if emitted_later else max(0.0, since))
        bucket.learn(low, high)
