"""What must hold of workers' budgets and their pool, whatever their calls do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.budget.budget import Budget
from agents.budget.tickets import Reservation, Ticket
from agents.store.line import PROBE_S
from agents.store.pool import Pool
from schemas.lease import UNITS, Amounts, Closing, Heard, Rules, nothing
from tests.builders import MODEL

CEILINGS = [120.0, 60_000.0, 12_000.0]
RATES = [limit / 60 for limit in CEILINGS]
CAPACITIES = RATES  # the burst that is assumed at first is that of a second
RULES = Rules(ceilings=CEILINGS, reserves=[0.0] * 5, floors=[0.2] * 5)
START = 123_456.789
STEP_S, HAIR = 0.25, 1e-6
WORKERS = 2
quick = settings(deadline=None, max_examples=60)


def needs(largest: float) -> st.SearchStrategy[Amounts]:
    """Needs of one request, up to a part of the bucket of tokens."""
    parts = st.tuples(st.floats(0, largest), st.floats(0, largest))
    return parts.map(lambda row: [1.0, row[0] * CAPACITIES[1], row[1] * CAPACITIES[2]])


asks = st.tuples(needs(0.5), st.integers(0, 3), st.sampled_from([5.0, 10.0, 300.0]))


@dataclass(slots=True)
class Worker:
    """One worker's budget, and the calls that wait or are under way in it."""

    budget: Budget
    waiting: list[Ticket] = field(default_factory=list)
    held: list[Reservation] = field(default_factory=list)
    called: int = 0
    ended: int = 0


@dataclass(slots=True)
class Run:
    """A pool, its workers, a clock, and every charge: when, what, whether by a grant."""

    pool: Pool = field(init=False)
    workers: list[Worker] = field(init=False)
    now: float = START
    charges: list[tuple[float, Amounts, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = [Worker(Budget((MODEL,), RULES, f"w{n}")) for n in range(WORKERS)]
        self.pool = Pool.first(self.workers[0].budget.ask(START), START)

    def ask(self, worker: Worker, need: Amounts, priority: int, deadline: float) -> None:
        worker.called += 1
        if reservation := worker.budget.take(need, priority, self.now):
            self.grant(worker, reservation)
        else:
            worker.waiting.append(worker.budget.enqueue(need, priority, deadline)[0])

    def exchange(self, worker: Worker) -> float | None:
        lease = self.pool.exchange(worker.budget.ask(self.now), self.now)
        for ticket, reservation in worker.budget.apply(lease, self.now):
            before = [t for t in worker.waiting if t.priority == ticket.priority and t < ticket]
            assert before == [], "somebody was overtaken"
            worker.waiting.remove(ticket)
            self.grant(worker, reservation)
        return lease.look_again_s

    def grant(self, worker: Worker, reservation: Reservation) -> None:
        worker.held.append(reservation)
        self.charges.append((self.now, reservation.need, True))

    def settle(self, worker: Worker, part: float) -> None:
        reservation = worker.held.pop(0)
        used = [reservation.need[0], *(part * amount for amount in reservation.need[1:])]
        worker.budget.settle(reservation, used, self.now)
        worker.budget.settle(reservation, nothing(), self.now)  # a second one changes nothing
        worker.ended += 1
        difference = [a - b for a, b in zip(used, reservation.need, strict=True)]
        self.charges.append((self.now, difference, False))

    def leave(self, worker: Worker, place: int) -> None:
        worker.budget.leave(worker.waiting.pop(place % len(worker.waiting)))
        worker.ended += 1

    def drain(self) -> None:
        """Exchange until nobody waits."""
        for _ in range(400):
            for worker in self.workers:
                self.exchange(worker)
            if not any(worker.waiting for worker in self.workers):
                return
            self.now += STEP_S
        raise AssertionError(f"{[worker.waiting for worker in self.workers]} starve")


def windows(run: Run, u: int) -> Iterator[tuple[float, float]]:
    """Every window that ends with a grant: its length in seconds, what was charged in it."""
    for end, (ended, last, granted) in enumerate(run.charges):
        total = 0.0
        for began, amounts, _ in reversed(run.charges[: end + 1]):
            total += amounts[u]
            if granted and last[u] > RATES[u] * HAIR:
                yield ended - began, total


actions = st.one_of(
    st.tuples(st.just("ask"), asks),
    st.tuples(st.just("ask"), asks),
    st.tuples(st.just("wait"), st.floats(0, 3)),
    st.tuples(st.just("settle"), st.floats(0.1, 1.5)),
    st.tuples(st.just("leave"), st.integers(0, 100)),
    st.tuples(st.just("exchange"), st.none()),
)
scripts = st.lists(st.tuples(st.integers(0, WORKERS - 1), actions), max_size=40)
Script = list[tuple[int, tuple[str, Any]]]


def act(run: Run, worker: Worker, action: str, argument: Any) -> None:  # noqa: ANN401 - what the action takes
    if action == "ask":
        run.ask(worker, *argument)
    elif action == "wait":
        run.now += argument
    elif action == "settle" and worker.held:
        run.settle(worker, argument)
    elif action == "leave" and worker.waiting:
        run.leave(worker, argument)
    elif action == "exchange":
        run.exchange(worker)


def played(script: Script) -> Run:
    run = Run()
    for number, (action, argument) in script:
        act(run, run.workers[number], action, argument)
    run.drain()
    return run


@quick
@given(scripts)
def test_no_window_is_granted_more_than_the_limits_allow(script: Script) -> None:
    run = played(script)
    for u, _ in enumerate(UNITS):
        for window_s, total in windows(run, u):
            assert total <= CAPACITIES[u] + RATES[u] * window_s + 0.01


@quick
@given(scripts)
def test_every_call_ends_once_and_the_line_keeps_its_order(script: Script) -> None:
    """The order is asserted at each grant: deadline, then arrival, never size."""
    run = played(script)
    for worker in run.workers:
        assert (worker.budget.waiting(), worker.budget.in_flight) == (0, len(worker.held))
        assert worker.called == worker.ended + len(worker.held)


@quick
@given(scripts)
def test_pool_has_charged_what_was_used_and_what_is_under_way(script: Script) -> None:
    run = played(script)
    for worker in run.workers:
        while worker.held:
            run.settle(worker, 1.0)
        run.exchange(worker)
    used = [sum(amounts[u] for _, amounts, _ in run.charges) for u, _ in enumerate(UNITS)]
    mark = run.pool.exchange(run.workers[0].budget.ask(run.now), run.now).mark
    for spent, charged in zip(used, mark, strict=True):
        assert abs(spent - charged) < 1e-6 * (1 + abs(spent))


@quick
@given(needs(1), st.integers(1, 12), st.floats(0.1, 1e5), st.sampled_from(["answered", "failed"]))
def test_one_probe_goes_after_a_closed_time(
    need: Amounts, waiting: int, closed_s: float, end: str
) -> None:
    run = Run()
    first, second = run.workers
    run.now += 60  # the bucket is full
    for _ in range(waiting):
        run.ask(first, need, 0, 0.0)
        run.ask(second, need, 0, 0.0)
    first.budget.close(Closing(seconds=closed_s, reason="outage"), run.now)
    look_again_s = run.exchange(first)
    assert look_again_s is not None
    run.exchange(second)
    assert not first.held
    assert not second.held
    run.now += look_again_s * (1 + HAIR) + PROBE_S
    run.exchange(second)
    run.exchange(first)
    assert (len(first.held), len(second.held)) == (0, 1)
    told = Heard(limits=nothing(), remaining=nothing())
    second.budget.hear(told, second.held[0], run.now, answered=end == "answered")
    run.settle(second, 1.0)
    run.now += 60
    run.exchange(second)
    run.exchange(first)
    probes = len(first.held) + len(second.held)
    assert probes >= min(1, waiting - 1)
    assert end == "answered" or probes == min(1, 2 * waiting - 1)
