"""Workers that hear an API's headers late, against that API."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.budget.budget import Budget
from agents.budget.tickets import Reservation
from agents.store.pool import Pool
from schemas.lease import Heard, Rules
from tests.builders import MODEL

START = 5000.0
ONE = [1.0, 0.0, 0.0]


@dataclass(slots=True, kw_only=True)
class Api:
    """The request limiter of the API: a bucket, and nobody else at it."""

    limit: int
    capacity: float
    level: float
    at: float = START

    def remaining(self, now: float) -> int:
        """Admit one request; return what is left, -1 when it is refused."""
        self.level = min(self.capacity, self.level + (now - self.at) * self.limit / 60)
        self.at = now
        if self.level < 1 - 1e-4:
            return -1
        self.level -= 1
        return max(0, int(self.level))


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Calls of two workers against the API; headers come back when told."""

    api: Api
    pool: Pool
    budgets: list[Budget]
    now: float = START
    in_air: list[tuple[Budget, Reservation, Heard, float]] = field(default_factory=list)

    def ask(self, calls: int) -> None:
        for number in range(calls):
            budget = self.budgets[number % 2]
            if reservation := budget.take(ONE, 0, self.now):
                self.send(budget, reservation)
            else:
                budget.enqueue(ONE, 0, 0.0)

    def answer(self, which: int) -> None:
        budget, reservation, told, sent_at = self.in_air.pop(which % len(self.in_air))
        budget.hear(told, reservation, sent_at, answered=True)
        budget.settle(reservation, ONE, self.now)

    def exchange(self) -> None:
        for budget in self.budgets:
            lease = self.pool.exchange(budget.ask(self.now), self.now)
            for _, reservation in budget.apply(lease, self.now):
                self.send(budget, reservation)

    def send(self, budget: Budget, reservation: Reservation) -> None:
        left = self.api.remaining(self.now)
        assert left >= 0, "the API refused a call that the ledger let go"
        told = Heard(limits=[float(self.api.limit), 0.0, 0.0], remaining=[float(left), 0.0, 0.0])
        self.in_air.append((budget, reservation, told, self.now))


steps = st.lists(
    st.tuples(st.floats(0, 20), st.integers(0, 40), st.lists(st.integers(0, 100), max_size=5)),
    max_size=25,
)


@settings(deadline=None)
@given(
    limit=st.integers(60, 6000),
    burst_s=st.floats(1, 60),
    stock=st.floats(0, 1),
    own=st.sampled_from([0.0, 0.5, 1.0]),
    script=steps,
)
def test_api_never_refuses_its_only_users_however_late_its_headers_come(
    limit: int,
    burst_s: float,
    stock: float,
    own: float,
    script: list[tuple[float, int, list[int]]],
) -> None:
    capacity = max(1.0, limit / 60 * burst_s)
    # A worker that knows its limits starts with a second's burst: so much is there.
    level = max(limit / 60, 1.0, capacity * stock)
    rules = Rules(ceilings=[float(max(1, int(limit * own)) if own else 0), 0.0, 0.0])
    budgets = [Budget((MODEL,), rules, worker) for worker in ("w1", "w2")]
    traffic = Traffic(
        api=Api(limit=limit, capacity=max(capacity, level), level=level),
        pool=Pool.first(budgets[0].ask(START), START),
        budgets=budgets,
    )
    for pause_s, calls, answers in script:
        traffic.now += pause_s
        traffic.ask(calls)
        traffic.exchange()
        for which in answers[: len(traffic.in_air)]:
            traffic.answer(which)
            traffic.exchange()
