"""Token buckets: pure arithmetic, time is an argument."""

from math import ceil
from typing import Literal

ROUNDING = 1e-6
"""Refilling for exactly the time that was asked for must be enough, whatever floats do."""

Limiter = Literal["requests", "input_tokens", "output_tokens", "ramp"]


class Bucket:
    """A bucket that refills continuously. Times are seconds of one monotonic clock.

    The level may go below zero: work that is running is not cut, what comes next waits.
    """

    __slots__ = ("at", "capacity", "level", "per_minute")

    def __init__(self, per_minute: int, burst_s: float, now: float) -> None:
        self.per_minute = per_minute
        self.capacity = per_minute / 60 * burst_s
        self.level = self.capacity
        self.at = now

    def __repr__(self) -> str:
        return f"<Bucket {self.level:.1f} of {self.capacity:.1f}, {self.per_minute} a minute>"

    @property
    def rate(self) -> float:
        """Units that come in each second."""
        return self.per_minute / 60

    def refill(self, now: float) -> float:
        """Bring the level up to date and return it; a clock that steps back adds nothing."""
        if now > self.at:
            self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
            self.at = now
        return self.level

    def wait_s(self, need: float, now: float) -> float:
        """Return the seconds until `need` fits; 0 when it does. More than a full bucket is one."""
        missing = min(need, self.capacity) - self.refill(now)
        return missing / self.rate if missing > ROUNDING else 0.0

    def take(self, amount: float, now: float) -> bool:
        """Take an amount, also below zero, and return whether it was there; negative gives back."""
        self.level = min(self.capacity, self.refill(now) - amount)
        return self.level >= -ROUNDING

    def full_in_s(self) -> float:
        """Return the seconds until the bucket is full again, as of the last refill."""
        return (self.capacity - self.level) / self.rate

    def resize(self, per_minute: int, burst_s: float, now: float) -> None:
        """Change the rate; the level keeps its share of the capacity."""
        share = self.refill(now) / self.capacity
        self.per_minute = per_minute
        self.capacity = per_minute / 60 * burst_s
        self.level = share * self.capacity


def retry_after_s(waits_s: float) -> int:
    """Return what `retry-after` says: whole seconds, at least one, after which the request fits."""
    return max(1, ceil(waits_s))
