"""What must hold of a pool in every sequence of exchanges."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.store.line import HAIR
from agents.store.pool import MEMBER_S, Pool
from schemas.lease import UNITS, Amounts, Lease, Rules, Want, nothing
from tests.ask_sequences import deadlines, priorities
from tests.store_builders import CEILINGS, START, ask, full, want

RATES = [limit / 60 for limit in CEILINGS]
BURST_S = 4.0
CAPACITIES = [rate * BURST_S for rate in RATES]
STEP_S, SLACK_S = 0.25, 2.0
WORKERS = ("w1", "w2", "w3")
quick = settings(deadline=None, max_examples=100)


@dataclass(slots=True, kw_only=True)
class Run:
    """A pool, a clock, workers with their lines, and everything that was charged."""

    pool: Pool
    rules: Rules
    now: float = START
    lines: dict[str, list[Want]] = field(default_factory=lambda: {name: [] for name in WORKERS})
    ahead: dict[str, Amounts] = field(default_factory=lambda: {name: nothing() for name in WORKERS})
    charges: list[tuple[float, Amounts, bool]] = field(default_factory=list)

    @classmethod
    def new(cls, floors: list[float] | None = None) -> "Run":
        rules = Rules(ceilings=CEILINGS, floors=floors or [0.05] * 5)
        pool = Pool.first(ask(rules=rules, bursts_s=[BURST_S] * 3), START)
        return cls(pool=full(pool, BURST_S), rules=rules, now=START + BURST_S)

    def wait(self, passed_s: float) -> None:
        self.now += passed_s

    def join(self, worker: str, wants: list[Want]) -> None:
        line = [*self.lines[worker], *wants]
        self.lines[worker] = sorted(line, key=lambda each: (each.priority, each.deadline))

    def exchange(
        self, worker: str, ahead: Amounts | None = None, used: Amounts | None = None
    ) -> Lease:
        """Bring back the stock leased ahead, less what was used of it, and ask for the line."""
        returned = [a - b for a, b in zip(self.ahead[worker], used or nothing(), strict=True)]
        line = self.lines[worker]
        asked = ask(
            *line, worker=worker, rules=self.rules, ahead=ahead or nothing(), returned=returned
        )
        lease = self.pool.exchange(asked, self.now)
        self.lines[worker] = [w for n, w in enumerate(line) if n not in lease.granted]
        self.ahead[worker] = lease.ahead
        leased = [*[line[position].need for position in lease.granted], lease.ahead]
        self.charges.append((self.now, [-amount for amount in returned], False))
        self.charges += [(self.now, amounts, True) for amounts in leased]
        return lease


def windows(run: Run, u: int) -> Iterator[tuple[float, float]]:
    """Every window that ends with a lease: its length in seconds, what was charged in it."""
    for end, (ended, last, leased) in enumerate(run.charges):
        total = 0.0
        for began, amounts, _ in reversed(run.charges[: end + 1]):
            total += amounts[u]
            if leased and last[u] > RATES[u] * HAIR:
                yield ended - began, total


def needs(largest: float) -> st.SearchStrategy[Amounts]:
    """Needs up to a part of the bucket, of any shape."""
    parts = st.lists(st.floats(0, largest), min_size=3, max_size=3)
    return parts.map(lambda row: [a * b for a, b in zip(row, CAPACITIES, strict=True)])


wants = st.builds(Want, priority=priorities, deadline=deadlines, need=needs(0.5))
lines = st.lists(wants, max_size=5)
workers = st.sampled_from(WORKERS)
pauses_s = st.sampled_from([0.0, 0.01, 0.3]) | st.floats(0, 3)
moves = st.lists(
    st.tuples(workers, lines, needs(0.3), needs(0.6), pauses_s), min_size=1, max_size=25
)
Moves = list[tuple[str, list[Want], Amounts, Amounts, float]]


@quick
@given(moves=moves)
def test_granted_is_never_above_the_ceiling_in_any_window(moves: Moves) -> None:
    run = Run.new()
    for worker, wants, ahead, used, pause_s in moves:
        run.wait(pause_s)
        run.join(worker, wants)
        run.exchange(worker, ahead, used)
    for u, _ in enumerate(UNITS):
        for window_s, total in windows(run, u):
            assert total <= CAPACITIES[u] + RATES[u] * window_s + 0.01


@quick
@given(
    head=st.builds(Want, priority=st.integers(1, 4), deadline=deadlines, need=needs(0.5)),
    later=lines,
    busy_for=st.integers(1, 20),
    pause_s=st.floats(0, 0.9),
)
def test_a_later_call_of_the_class_costs_the_head_nothing(
    head: Want, later: list[Want], busy_for: int, pause_s: float
) -> None:
    """Order is never inverted at equal class, across workers neither, whatever the sizes."""
    run = Run.new()
    run.join("w1", [head])
    for _ in range(busy_for):  # realtime calls keep the stock low, while the head's class saves
        run.lines["w3"] = [want(0, need=[0.5, 50, 10])] * 80
        run.exchange("w3")
        run.exchange("w1")
        run.wait(pause_s)
    alone = deepcopy(run).exchange("w1")
    later = [replace(each, priority=head.priority, deadline=head.deadline + 1) for each in later]
    run.join("w2", later)
    run.exchange("w2")
    after = run.exchange("w1")
    assert after.granted == alone.granted
    assert (after.look_again_s or 0) <= (alone.look_again_s or 0) + 2 * HAIR


def until_granted(run: Run, worker: str, others: dict[str, list[Want]], at_most_s: float) -> float:
    """Let others ask for the same again and again; return how long the worker's line took."""
    began = run.now
    while run.lines[worker]:
        for name, wants in others.items():
            run.lines[name] = []
            run.join(name, wants)
            run.exchange(name)
        run.exchange(worker)
        run.wait(STEP_S)
        assert run.now - began <= at_most_s, f"{run.lines[worker]} starves"
    return run.now - began


@quick
@given(
    need=needs(1.5),
    floors=st.lists(st.sampled_from([0.05, 0.2]), min_size=5, max_size=5),
    small=needs(0.1),
    priority=st.integers(1, 4),
)
def test_a_floor_serves_the_lowest_class_under_any_load(
    need: Amounts, floors: list[float], small: Amounts, priority: int
) -> None:
    run = Run.new(floors)
    run.join("w1", [want(priority, need=need)])
    saturated = [want(0, need=[max(1e-3, amount) for amount in small])] * 20
    saved_up_s = max(
        min(amount, capacity / 2) / rate / floors[priority]
        for amount, capacity, rate in zip(need, CAPACITIES, RATES, strict=True)
    )
    until_granted(run, "w1", {"w2": saturated, "w3": saturated}, saved_up_s + SLACK_S)


@quick
@given(need=needs(3), small=needs(0.05), priority=priorities)
def test_small_calls_never_overtake_a_large_one_of_their_class(
    need: Amounts, small: Amounts, priority: int
) -> None:
    """Size inversion: no longer than the bucket takes to fill, in whichever worker they wait."""
    run = Run.new()
    run.join("w3", [want(priority, -1, CAPACITIES)])
    run.exchange("w3")  # the bucket is empty now
    run.join("w1", [want(priority, 0, need)])
    crowd = [want(priority, 1, small)] * 20
    until_granted(run, "w1", {"w2": crowd, "w3": crowd}, 2 * BURST_S + SLACK_S)


@quick
@given(need=needs(0.5), part=st.floats(0, 1), pauses=st.lists(st.floats(0, 8), max_size=3))
def test_settling_returns_exactly_the_difference(
    need: Amounts, part: float, pauses: list[float]
) -> None:
    """Reserve all and give a part back, or reserve the rest alone: the pool is the same after."""
    reserved, exact = Run.new(), Run.new()
    back = [amount * part for amount in need]
    for run in (reserved, exact):
        run.join("w1", [want(need=need)])
    exact.lines["w1"] = [want(need=[a - b for a, b in zip(need, back, strict=True)])]
    for run in (reserved, exact):
        run.exchange("w1")
        for pause_s in pauses:
            run.wait(pause_s)
            run.exchange("w2")
    reserved.ahead["w1"] = back
    settled, expected = reserved.exchange("w1"), exact.exchange("w1")
    assert settled.levels == pytest.approx(expected.levels, abs=1e-6)
    assert settled.mark == pytest.approx(expected.mark, abs=1e-6)


@quick
@given(drained=needs(1), ahead=needs(1), pauses=st.lists(st.floats(0, 3), min_size=1, max_size=8))
def test_a_worker_that_dies_costs_its_lease_and_no_more(
    drained: Amounts, ahead: Amounts, pauses: list[float]
) -> None:
    run = Run.new()
    run.join("w2", [want(need=drained)])
    run.exchange("w2")
    without = deepcopy(run)
    lost = run.exchange("w1", ahead).ahead  # and it is never heard of again
    for pause_s in pauses:
        for each in (run, without):
            each.wait(pause_s)
        levels, full = run.exchange("w2").levels, without.exchange("w2").levels
        for u, _ in enumerate(UNITS):
            assert full[u] - lost[u] - 1e-6 <= levels[u] <= full[u] + 1e-6
    run.wait(max(MEMBER_S, BURST_S))
    lease = run.exchange("w2")
    assert lease.levels == pytest.approx(CAPACITIES)
    assert list(run.pool.members) == ["w2"]
    assert lease.mark == pytest.approx([a + b for a, b in zip(drained, lost, strict=True)])
