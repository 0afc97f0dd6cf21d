"""What is kept of one budget between two exchanges: data alone, no rules."""

from dataclasses import dataclass, field

from schemas.lease import Amounts, nothing, nothing_by_class
from schemas.outcome import HeldReason

RAMP_SLOPE = 0.05
"""Growth that the API takes: the pace gains so much a second, until a ramp limit halves it."""
FAR = 1e18
"""More than any header shows to be there beyond the level."""
UNITS3 = range(3)

Head = tuple[int, float, Amounts]
"""The first of a class that waits: priority, deadline, need."""


def far() -> Amounts:
    """Return the gaps of a time in which no header was heard."""
    return [FAR] * 3


@dataclass(slots=True, kw_only=True)
class Member:
    """A worker: when it was last heard, what it holds, and the head of each class that waits."""

    seen: float
    holds: Amounts
    heads: list[Head] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Stock:
    """Levels and the time they were true, what was heard, who is there.

    Levels may go below zero: debts are paid by the refill. A change of these fields is a new
    LAYOUT in the stores.
    """

    at: float
    levels: Amounts
    heard: Amounts
    bursts_s: Amounts
    probing: bool
    charged: Amounts = field(default_factory=nothing)
    heard_at: float = 0.0
    gaps: Amounts = field(default_factory=far)
    gaps_since: float = 0.0
    closed_until: float = 0.0
    closed_for: HeldReason = "rate_limit"
    closings: int = 0
    prober: str = ""
    probe_until: float = 0.0
    pace: float = 1.0
    slope: float = RAMP_SLOPE
    flows: list[Amounts] = field(default_factory=nothing_by_class)
    saved: list[Amounts] = field(default_factory=nothing_by_class)
    members: dict[str, Member] = field(default_factory=dict)
