"""How many calls of a class are worth having under way: the rate of its budget times their latency.

Little's law: what is inside a system is the rate of its arrivals times the time each one stays
(J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", Operations Research 9(3), 1961).
Fewer leave the budget unspent; more only wait in memory instead of in Kafka. Pure: no clock.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.lease import Amounts, nothing
from schemas.workload import WorkloadClass

MINUTE_S = 60.0
# Calls are not all of the mean length, and a mean lags behind a latency that grows.
MARGIN = 1.5
# Calls for one more second stand in line, so that a grant never waits for a fetch from Kafka.
LOOKAHEAD_S = 1.0
# A small budget still gets its calls side by side: a slow one must not stop the others.
FLOOR = 8
# Where no limit is known, slow start as in TCP (RFC 5681, 3.1): one more for each answered call,
# which doubles the calls under way in each round.
START = 16
# The length of a call before the first answer. Too high costs a little memory; too low leaves the
# first burst of the budget unspent.
COLD_S = 2.0
# Weight of the newest call: an effective window of some forty calls.
NEWEST = 0.05


@dataclass(slots=True)
class _Means:
    calls: int = 0
    seconds: float = COLD_S
    used: Amounts = field(default_factory=nothing)

    def add(self, seconds: float, used: Amounts) -> None:
        self.calls += 1
        weight = max(NEWEST, 1 / self.calls)
        self.seconds += weight * (seconds - self.seconds)
        self.used = [
            mean + weight * (amount - mean) for mean, amount in zip(self.used, used, strict=True)
        ]

    def worth(self, limits: Amounts, stock: Amounts) -> float:
        """Return how many calls are worth having under way."""
        a_minute = at_once = math.inf
        for limit, left, mean in zip(limits, stock, self.used, strict=True):
            if limit > 0 and mean > 0:
                a_minute = min(a_minute, limit / mean)
                at_once = min(at_once, max(0.0, left) / mean)
        if a_minute == math.inf:
            return START + self.calls
        return at_once + a_minute / MINUTE_S * (MARGIN * self.seconds + LOOKAHEAD_S)


class Flow:
    """The mean length and need of the calls of each class and model."""

    def __init__(self) -> None:
        self._means: dict[WorkloadClass, dict[str, _Means]] = {}

    def __repr__(self) -> str:
        lengths = (
            f"{workload} {model} {means.seconds:.2f} s"
            for workload, models in self._means.items()
            for model, means in models.items()
        )
        return f"Flow({', '.join(lengths)})"

    def expect(self, workload: WorkloadClass, model: str, need: Amounts) -> None:
        """Take the estimate of a call that enters the line, until the first one is answered."""
        means = self._of(workload, model)
        if not means.calls:
            means.used = need

    def learn(self, workload: WorkloadClass, model: str, seconds: float, used: Amounts) -> None:
        """Take what a call took. One that used no request was refused; it teaches nothing."""
        if used[0] > 0:
            self._of(workload, model).add(seconds, used)

    def limit(
        self, workload: WorkloadClass, allocation_of: Callable[[str], tuple[Amounts, Amounts]]
    ) -> int:
        """Return how many calls of a class are worth having under way, over all of its models.

        `allocation_of` tells the limits of a model in a minute, 0 is no limit, and the stock that
        may be spent at once. They are asked each time, so a change acts at once. The caller bounds
        the answer by its memory.
        """
        models = self._means.get(workload)
        if not models:
            return START
        worth = sum(means.worth(*allocation_of(model)) for model, means in models.items())
        return max(FLOOR, math.ceil(worth))

    def _of(self, workload: WorkloadClass, model: str) -> _Means:
        return self._means.setdefault(workload, {}).setdefault(model, _Means())
