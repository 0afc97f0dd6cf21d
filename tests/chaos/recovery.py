"""When a rate is back; pure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from schemas.workload import WorkloadClass

WINDOW_S = 3.0
SHARE = 0.9

Stamps = Mapping[WorkloadClass, Sequence[float]]


def back_after_s(stamps: Stamps, rates: Mapping[WorkloadClass, float], lifted: float) -> float:
    """Return how long after `lifted` the slowest class ran at 90 % of its rate; inf: not yet."""
    return max(_one(sorted(stamps[w]), rate, lifted) for w, rate in rates.items())


def missing(
    stamps: Stamps, rates: Mapping[WorkloadClass, float], lifted: float
) -> list[WorkloadClass]:
    """Return the classes that are not back yet."""
    return [w for w in rates if back_after_s(stamps, {w: rates[w]}, lifted) == float("inf")]


def _one(stamps: Sequence[float], rate: float, lifted: float) -> float:
    enough = max(1, int(SHARE * rate * WINDOW_S))
    first = bisect_left(stamps, lifted)
    if bisect_left(stamps, lifted + WINDOW_S) - first >= enough:
        return 0.0
    for number in range(first, len(stamps) - enough + 1):
        if stamps[number + enough - 1] - stamps[number] < WINDOW_S:
            return stamps[number] - lifted
    return float("inf")
