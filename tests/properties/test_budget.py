from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.claude.budget import NOTHING, PROBE_PATIENCE_S, Budget, Need, Reservation, Ticket
from agents.claude.limits import Unit
from schemas.sections import Ceiling

CEILING = Ceiling(
    requests_per_minute=120, input_tokens_per_minute=60_000, output_tokens_per_minute=12_000
)
START = 123_456.789
quick = settings(deadline=None, max_examples=60)
needs = st.builds(Need, input_tokens=st.integers(0, 3000), output_tokens=st.integers(0, 600))
asks = st.tuples(needs, st.integers(0, 3), st.sampled_from([5.0, 10.0, 300.0]))


@dataclass(slots=True, kw_only=True)
class Run:
    """A budget, a clock, and everything that was charged to it."""

    budget: Budget
    now: float = START
    waiting: list[Ticket] = field(default_factory=list)
    held: list[Reservation] = field(default_factory=list)
    charges: list[tuple[float, Need]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def ask(self, need: Need, priority: int, deadline: float) -> None:
        self.waiting.append(self.budget.enqueue(need, priority, deadline))

    def grant(self) -> float | None:
        grants = self.budget.grant(self.now)
        for ticket, reservation in grants.granted:
            assert ticket == min(self.waiting), "somebody was overtaken"
            self.waiting.remove(ticket)
            self.held.append(reservation)
            self.charges.append((self.now, reservation.need))
            self.ends.append(len(self.charges))
        return grants.next_at

    def settle(self, share: float) -> None:
        reservation, used = self.held.pop(0), {}
        for unit in (Unit.INPUT_TOKENS, Unit.OUTPUT_TOKENS):
            used[unit.value] = reservation.need.of(unit) * share
        self.budget.settle(reservation, Need(**used), self.now)
        difference = {unit: amount * (1 - 1 / share) for unit, amount in used.items()}
        self.charges.append((self.now, Need(**difference, requests=0)))

    def leave(self, place: int) -> None:
        self.budget.leave(self.waiting.pop(place % len(self.waiting)))

    def drain(self) -> None:
        """Grant until nobody waits; each look has to let time pass."""
        for _ in range(4 * len(self.waiting) + 4):
            next_at = self.grant()
            if next_at is None:
                break
            assert next_at > self.now, "the line must not spin"
            self.now = next_at
        assert self.waiting == []


def check_windows(run: Run) -> None:
    """Any window that ends with a grant: what is charged fits burst, refill and own debt."""
    for unit, bucket in run.budget.buckets.items():
        for end in run.ends:
            at, need = run.charges[end - 1]
            slack = max(0.0, need.of(unit) - bucket.capacity) + 0.01
            total = 0.0
            for start in range(end - 1, -1, -1):
                began, charged = run.charges[start]
                total += charged.of(unit)
                assert total <= bucket.capacity + bucket.rate * (at - began) + slack


actions = st.one_of(
    st.tuples(st.just("ask"), asks),
    st.tuples(st.just("wait"), st.floats(0, 30)),
    st.tuples(st.just("settle"), st.floats(0.1, 1.5)),
    st.tuples(st.just("leave"), st.integers(0, 100)),
)


def act(run: Run, action: str, argument: Any) -> None:  # noqa: ANN401 - what the action takes
    if action == "ask":
        run.ask(*argument)
    elif action == "wait":
        run.now += argument
    elif action == "settle" and run.held:
        run.settle(argument)
    elif action == "leave" and run.waiting:
        run.leave(argument)
    run.grant()


@quick
@given(st.lists(actions, max_size=40))
def test_no_window_is_granted_more_than_the_limits_allow(script: list[tuple[str, Any]]) -> None:
    run = Run(budget=Budget(CEILING, START))
    for action, argument in script:
        act(run, action, argument)
    run.drain()
    check_windows(run)


@quick
@given(st.lists(asks, max_size=25))
def test_line_goes_by_class_then_deadline_then_arrival(
    asked: list[tuple[Need, int, float]],
) -> None:
    run = Run(budget=Budget(CEILING, START))
    for ask in asked:
        run.ask(*ask)
    run.drain()  # asserts the order at every grant
    assert len(run.held) == len(asked)


@quick
@given(st.lists(st.tuples(needs, st.floats(0.01, 3)), max_size=20))
def test_settling_returns_exactly_the_difference(calls: list[tuple[Need, float]]) -> None:
    budget = Budget(CEILING, START)
    before = {unit: bucket.level for unit, bucket in budget.buckets.items()}
    for need, share in calls:
        budget.enqueue(need, 0, 0.0)
        granted = budget.grant(START).granted
        for _, held in granted:
            used = Need(
                input_tokens=held.need.input_tokens * share,
                output_tokens=held.need.output_tokens * share,
            )
            budget.settle(held, used, START)
            budget.settle(held, NOTHING, START)  # a second one changes nothing
            for unit, bucket in budget.buckets.items():
                before[unit] = min(bucket.capacity, before[unit] - used.of(unit))
    for unit, bucket in budget.buckets.items():
        assert abs(bucket.level - before[unit]) < 1e-6


@quick
@given(st.integers(600, 200_000), st.floats(0.05, 0.5), st.integers(1, 400))
def test_large_head_is_saved_up_for_while_small_ones_keep_coming(
    tokens: int, pause: float, small: int
) -> None:
    run = Run(budget=Budget(CEILING, START))
    run.ask(Need(input_tokens=0, output_tokens=300), 0, 0.0)
    run.grant()
    run.ask(Need(input_tokens=0, output_tokens=tokens), 1, 5.0)
    large = run.waiting[0]
    while large in run.waiting:
        run.ask(Need(input_tokens=0, output_tokens=small), 1, 6.0)
        run.now += pause
        run.grant()  # asserts that nobody overtakes
        assert run.now - START < 10, "the full bucket is there after a second"


@quick
@given(needs, st.integers(1, 12), st.floats(0.1, 1e5))
def test_one_probe_goes_after_a_closed_time(need: Need, waiting: int, closed_s: float) -> None:
    run = Run(budget=Budget(CEILING, START))
    run.budget.close(START + closed_s)
    for _ in range(waiting):
        run.ask(need, 0, 0.0)
    next_at = run.grant()
    assert next_at is not None
    assert run.held == []
    run.now = next_at
    run.grant()
    assert len(run.held) == 1
    run.now += PROBE_PATIENCE_S / 2
    run.grant()
    assert len(run.held) == 1
    run.settle(1.0)
    run.drain()
    assert len(run.held) == waiting - 1
