"""One token bucket: continuous refill, no clock windows. Time is an argument, in seconds."""

import math
from collections import deque
from dataclasses import dataclass, field

# Float arithmetic must not leave a waiter a hair short of its grant, and call it back at once: a
# clock of some days of uptime is rounded to a ten-billionth of a second.
HAIR_S = 1e-6
MINUTE_S = 60
JITTER_S, MOST_HEADROOM = 0.1, 0.1


@dataclass(slots=True, kw_only=True)
class Bucket:
    """A level that refills at `limit / 60` a second up to `capacity`.

    The level may go below zero and stays there until the refill pays the debt. A limit of None
    means: not limited, as far as is known.
    """

    limit: int | None = None
    capacity: float = 0.0
    level: float = 0.0
    at: float = 0.0
    charged: float = 0.0
    _by_second: deque[tuple[int, float]] = field(default_factory=deque)

    @classmethod
    def of(cls, limit: int | None, now: float) -> "Bucket":
        """Return a full bucket whose burst is one second, until headers show more."""
        burst = max(1.0, (limit or 0) / 60)
        return cls(limit=limit, capacity=burst, level=burst, at=now)

    @property
    def rate(self) -> float:
        """Refill a second."""
        return (self.limit or 0) / 60

    @property
    def headroom(self) -> float:
        """Stock that is never spent: requests do not arrive in the rhythm in which they left."""
        return min(self.rate * JITTER_S, self.capacity * MOST_HEADROOM)

    def refill(self, now: float) -> None:
        """Bring the level up to now; a clock that went back changes nothing."""
        if now > self.at:
            self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
            self.at = now

    def wait_s(self, amount: float) -> float:
        """Return how long until the amount is there; more than a full bucket waits for full."""
        if self.limit is None:
            return 0.0
        spendable = self.capacity - self.headroom
        missing = min(amount, spendable) + self.headroom - self.level
        return 0.0 if missing <= self.rate * HAIR_S else missing / self.rate

    def take(self, amount: float) -> None:
        """Charge an amount; a negative one gives back."""
        self.charged += amount
        if self.limit is not None:
            self.level = min(self.capacity, self.level - amount)

    def use(self, amount: float) -> None:
        """Count what a call really used, for people to see."""
        second = int(self.at)
        if self._by_second and self._by_second[-1][0] == second:
            amount_before = self._by_second.pop()[1]
            self._by_second.append((second, amount_before + amount))
        else:
            self._by_second.append((second, amount))
            self._forget(second)

    def used_last_minute(self, now: float) -> float:
        """Return what the calls that ended during the last sixty seconds used."""
        self._forget(int(now))
        return sum(amount for _, amount in self._by_second)

    def _forget(self, second: int) -> None:
        while self._by_second and self._by_second[0][0] <= second - MINUTE_S:
            self._by_second.popleft()

    def adopt(self, limit: int, now: float) -> None:
        """Take over a limit that the API told; the burst keeps its length in seconds."""
        self.refill(now)
        if self.limit is None:
            self.limit, self.capacity, self.level = limit, max(1.0, limit / 60), 0.0
        elif limit != self.limit:
            scale = limit / self.limit
            self.limit, self.capacity = limit, max(1.0, self.capacity * scale)
            if self.level > 0:  # a debt stays what it is
                self.level *= min(scale, 1.0)

    def learn(self, low: float, high: float) -> None:
        """Fit to an interval for the level: a larger burst raises it, other users lower it."""
        if low > self.capacity:
            grown = min(low, math.inf if self.limit is None else float(self.limit)) - self.capacity
            if grown > 0:
                self.capacity += grown
                self.level += grown
        self.level = min(self.level, high)
