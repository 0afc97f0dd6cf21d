"""What a worker asks of the shared budget, and what it is given.

Amounts are lists of three numbers in the order of `Unit`. They cross a process border on every
exchange, so they are plain lists, not objects. All times are durations in seconds: the store's
clock is the only one that counts.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.outcome import HeldReason

Amounts = list[float]
PRIORITIES = 5
"""The four workload classes, and replay below them."""
REPLAY = PRIORITIES - 1


class Unit(StrEnum):
    """What is limited; also the label of the budget metrics."""

    REQUESTS = "requests"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"


UNITS = tuple(Unit)
# Remaining tokens are rounded to the nearest thousand; requests are exact.
ROUNDING: Amounts = [0.0, 500.0, 500.0]


def nothing() -> Amounts:
    """Return no amount in any unit."""
    return [0.0, 0.0, 0.0]


def nothing_by_class() -> list[Amounts]:
    """Return no amount for each priority."""
    return [nothing() for _ in range(PRIORITIES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A call that waits: its class's priority, its deadline (seconds since the epoch), its need."""

    priority: int
    deadline: float
    need: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The limits that headers told, and what is left of each bucket; a limit of 0 was not told."""

    limits: Amounts
    remaining: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Rate-limit headers of one response; a limit of 0 was not told.

    `age_s`: how long ago the request was sent. `mark`: what all workers had spent by then.
    """

    age_s: float
    mark: Amounts
    limits: Amounts
    remaining: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Shut the model for everybody. `ramp`: because traffic grew too fast."""

    seconds: float
    reason: HeldReason
    ramp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the budget is divided. A reserve of -1 is found from traffic; 0 in ceilings: none."""

    ceilings: Amounts
    reserves: list[float] = field(default_factory=lambda: [-1.0] * PRIORITIES)
    floors: list[float] = field(default_factory=lambda: [0.05] * PRIORITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One exchange of a worker with the pool of a budget.

    `returned` goes back (negative: was used beyond what was reserved). `wants` are sorted by
    priority and deadline. `ahead` is a stock for calls that are yet to come, kept until the next
    exchange at most. `known` are limits and burst lengths that survive a store that forgot them.
    """

    budget: str
    worker: str
    rules: Rules
    share: float = 1.0
    returned: Amounts = field(default_factory=nothing)
    wants: tuple[Want, ...] = ()
    ahead: Amounts = field(default_factory=nothing)
    told: tuple[Told, ...] = ()
    closing: Closing | None = None
    probe: str = ""
    """What became of a probe: "answered", "failed", or "" (not known yet, or none)."""
    probe_of: int = 0
    """The closing after which it was sent."""
    closed_s: float = 0.0
    """For how long this worker knows the model closed."""
    closed_for: HeldReason = "rate_limit"
    taken: list[Amounts] = field(default_factory=list)
    """What was spent of the stock leased ahead, by priority."""
    known: Amounts = field(default_factory=nothing)
    bursts_s: Amounts = field(default_factory=nothing)
    fresh: bool = True
    """Whether a pool that does not exist yet may start with its first burst."""
    resync: bool = False
    """Back after the store was away: what was spent meanwhile is not in the pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What one exchange brought.

    `granted` are positions in `wants`. `mark`: what all workers had spent before. `levels` is the
    stock left, `limits` are a minute's (0: none known), `capacities` the largest stocks.
    `look_again_s`: when the first of those left waiting may go; None: nobody waits.
    """

    granted: list[int]
    ahead: Amounts
    mark: Amounts
    levels: Amounts
    limits: Amounts
    capacities: Amounts
    known: Amounts
    bursts_s: Amounts
    look_again_s: float | None
    closed_s: float
    closed_for: HeldReason
    probing: bool
    closings: int = 0


class StoreAway(Exception):
    """The store did not answer in time, or cannot be reached; the message says which and why."""
