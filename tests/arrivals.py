"""When requests arrived at the simulator, held against a limit."""

from collections.abc import Iterable, Sequence

from agents.simulator import Simulator


def arrivals_s(simulator: Simulator) -> list[float]:
    """Return when each request arrived, in order; seconds since the simulator's start."""
    return sorted(entry.arrived_s for entry in simulator.ledger.entries)


def overrun(arrivals: Iterable[float], per_s: float, burst: float) -> float:
    """Return by how much the fullest window of any length was above burst + length x rate."""
    level, worst, before = burst, 0.0, 0.0
    for at in arrivals:
        level = min(burst, level + (at - before) * per_s) - 1
        worst, before = min(worst, level), at
    return -worst


def rate(arrivals: Sequence[float], since_s: float, until_s: float) -> float:
    """Return the requests a second in a part of the time."""
    return sum(since_s <= at < until_s for at in arrivals) / (until_s - since_s)
