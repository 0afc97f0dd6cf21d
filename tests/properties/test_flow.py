"""The limit never holds the budget back, and never lets in more than a little ahead of it."""

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.budget.flow import FLOOR, LOOKAHEAD_S, MARGIN, Flow
from schemas.lease import Amounts, nothing
from schemas.workload import WorkloadClass

BATCH = WorkloadClass.BATCH
LIMIT = st.one_of(st.just(0.0), st.floats(1, 1e8))
CALL = st.tuples(st.floats(0.01, 600), st.floats(0, 2e5), st.floats(0, 1e5))
quick = settings(deadline=None)


@quick
@given(st.floats(1, 1e6), LIMIT, LIMIT, CALL, st.integers(1, 60))
def test_steady_calls_have_room_for_their_rate_and_a_little_more(
    rpm: float, itpm: float, otpm: float, call: tuple[float, float, float], count: int
) -> None:
    seconds, *tokens = call
    used, limits = [1.0, *tokens], [rpm, itpm, otpm]
    flow = Flow()
    for _ in range(count):
        flow.learn(BATCH, "m", seconds, used)
    found = flow.limit(BATCH, lambda _: (limits, nothing()))
    rate = min(a / 60 / b for a, b in zip(limits, used, strict=True) if a and b)
    assert found >= rate * seconds
    assert found <= max(FLOOR, rate * (MARGIN * seconds + LOOKAHEAD_S) * (1 + 1e-9) + 1)


@quick
@given(st.lists(CALL, min_size=1, max_size=80), LIMIT, LIMIT, LIMIT)
def test_more_of_any_limit_never_lets_fewer_in(
    calls: list[tuple[float, float, float]], rpm: float, itpm: float, otpm: float
) -> None:
    flow = Flow()
    for seconds, *tokens in calls:
        flow.learn(BATCH, "m", seconds, [1.0, *tokens])
    limits: Amounts = [rpm or 1.0, itpm or 1.0, otpm or 1.0]
    before = flow.limit(BATCH, lambda _: (limits, nothing()))
    for unit in range(3):
        more = [limit * (1 + (u == unit)) for u, limit in enumerate(limits)]
        assert flow.limit(BATCH, lambda _, more=more: (more, nothing())) >= before  # type: ignore[misc] # bound now


@dataclass
class Plant:
    """A saturated class behind a budget with one second of burst, in simulated time.

    A slot is held from the line to the answer, as the runner does.
    """

    rate: float
    seconds: float
    now: float = 0.0
    stock: float = 0.0
    done: int = 0
    flow: Flow = field(default_factory=Flow)
    ends: list[tuple[float, float]] = field(default_factory=list)

    @property
    def limit(self) -> int:
        return self.flow.limit(BATCH, lambda _: ([self.rate * 60, 0.0, 0.0], nothing()))

    def run(self, seconds: float) -> float:
        """Let time pass; return the calls that were answered, per second."""
        before, until = self.done, self.now + seconds
        while self.now < until:
            self._send()
            waits_for_stock = len(self.ends) < self.limit
            refilled = self.now + (1.001 - self.stock) / self.rate if waits_for_stock else until
            ended = self.ends[0][0] if self.ends else until
            self._pass(min(refilled, ended, until))
        return (self.done - before) / seconds

    def _send(self) -> None:
        while self.stock >= 1 and len(self.ends) < self.limit:
            self.stock -= 1
            self.flow.expect(BATCH, "m", [1.0, 1000.0, 100.0])
            heapq.heappush(self.ends, (self.now + self.seconds, self.seconds))

    def _pass(self, then: float) -> None:
        self.stock = min(self.rate, self.stock + (then - self.now) * self.rate)
        self.now = then
        while self.ends and self.ends[0][0] <= then:
            _, seconds = heapq.heappop(self.ends)
            self.done += 1
            self.flow.learn(BATCH, "m", seconds, [1.0, 1000.0, 100.0])


@pytest.mark.parametrize("seconds", [0.12, 0.35, 1.1, 4.0])
def test_first_round_of_a_known_budget_goes_out_at_its_rate(seconds: float) -> None:
    plant = Plant(rate=100, seconds=seconds)
    plant.run(seconds)
    assert plant.run(10) >= 98


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_tenfold_latency_costs_the_rate_for_two_latencies_at_most(seconds: float) -> None:
    plant = Plant(rate=100, seconds=seconds)
    plant.run(30)
    plant.seconds = slow = 10 * seconds
    plant.run(2 * slow)
    assert plant.run(30) >= 98


def test_doubled_limit_is_used_at_once_and_a_halved_one_too() -> None:
    plant = Plant(rate=100, seconds=1.0)
    plant.run(10)
    plant.rate = 200
    plant.run(1)
    assert plant.run(10) >= 196
    plant.rate = 50
    assert plant.limit == 125
