from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.claude.budget import Budget, Need, Reservation
from agents.claude.limits import Heard, Unit
from schemas.sections import Ceiling

START = 5000.0
ONE = Need(input_tokens=0, output_tokens=0)


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
    """Calls of one worker against the API; headers come back when told."""

    api: Api
    budget: Budget
    now: float = START
    in_air: list[tuple[Reservation, Heard]] = field(default_factory=list)

    def ask(self, calls: int) -> None:
        for _ in range(calls):
            self.budget.enqueue(ONE, 0, 0.0)

    def answer(self, which: int) -> None:
        reservation, told = self.in_air.pop(which % len(self.in_air))
        self.budget.hear([told], reservation, self.now)
        self.budget.settle(reservation, ONE, self.now)

    def grant(self) -> None:
        for _, reservation in self.budget.grant(self.now).granted:
            left = self.api.remaining(self.now)
            assert left >= 0, "the API refused a call that the ledger let go"
            told = Heard(unit=Unit.REQUESTS, limit=self.api.limit, remaining=left)
            self.in_air.append((reservation, told))


steps = st.lists(
    st.tuples(st.floats(0, 20), st.integers(0, 40), st.lists(st.integers(0, 100), max_size=5)),
    max_size=25,
)


@settings(deadline=None)
@given(
    limit=st.integers(60, 6000),
    burst_s=st.floats(1, 60),
    stock=st.floats(0, 1),
    own=st.sampled_from([None, 0.5, 1.0]),
    script=steps,
)
def test_api_never_refuses_its_only_user_however_late_its_headers_come(
    limit: int,
    burst_s: float,
    stock: float,
    own: float | None,
    script: list[tuple[float, int, list[int]]],
) -> None:
    capacity = max(1.0, limit / 60 * burst_s)
    # A worker that knows its limits starts with a second's burst: so much is there.
    level = max(limit / 60, 1.0, capacity * stock)
    ceiling = Ceiling(requests_per_minute=max(1, int(limit * own)) if own else None)
    traffic = Traffic(
        api=Api(limit=limit, capacity=max(capacity, level), level=level),
        budget=Budget(ceiling, START),
    )
    for pause_s, calls, answers in script:
        traffic.now += pause_s
        traffic.ask(calls)
        traffic.grant()
        for which in answers[: len(traffic.in_air)]:
            traffic.answer(which)
            traffic.grant()
