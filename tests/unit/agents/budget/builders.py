"""One worker's side of a budget, with only the interesting part left to say."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anyio.lowlevel import checkpoint

from agents.budget.budget import Budget
from agents.budget.line import Line
from agents.budget.tickets import Granted, Reservation, Ticket
from agents.store.memory import MemoryStore
from agents.store.pool import Pool
from agents.store.terms import CUSHION_S, MOST_CUSHION
from schemas.lease import Amounts, Ask, Heard, Lease, Rules, StoreAway, nothing
from schemas.standing import Group, WorkerReport
from tests.builders import MODEL
from tests.fakes import ManualClock, until

NOW = 1000.0
# Ten requests, a thousand input and a hundred output tokens a second.
CEILINGS = [600.0, 60_000.0, 6000.0]
NEED = [1.0, 10.0, 5.0]
ONE = [1.0, 0.0, 0.0]
# The requests that come into a `Queue` in a second, which is also what its bucket holds.
A_SECOND = 1000.0


def rules(ceilings: Amounts = CEILINGS) -> Rules:
    """No reserves: they have tests of their own."""
    return Rules(ceilings=ceilings, reserves=[0.0] * 5)


def budget(ceilings: Amounts = CEILINGS, worker: str = "w1") -> Budget:
    return Budget((MODEL,), rules(ceilings), worker)


def lease(*granted: int, **changes: Any) -> Lease:
    plain: dict[str, Any] = {
        "granted": list(granted),
        "ahead": nothing(),
        "mark": nothing(),
        "levels": [10.0, 1000.0, 100.0],
        "limits": CEILINGS,
        "capacities": [10.0, 1000.0, 100.0],
        "known": nothing(),
        "bursts_s": [1.0, 1.0, 1.0],
        "look_again_s": None,
        "closed_s": 0.0,
        "closed_for": "rate_limit",
        "probing": False,
    }
    return Lease(**plain | changes)


def join(budget: Budget, need: Amounts = NEED, priority: int = 0, deadline: float = 0) -> Ticket:
    return budget.enqueue(need, priority, deadline)[0]


def held(budget: Budget, need: Amounts = NEED, now: float = NOW, **changes: Any) -> Reservation:
    """Let one call through the line; whatever was news is told."""
    ticket = join(budget, need)
    budget.ask(now)
    ((granted, reservation),) = budget.apply(lease(0, **changes), now)
    assert granted is ticket
    return reservation


def heard(requests: float, remaining: float) -> Heard:
    return Heard(limits=[requests, 0.0, 0.0], remaining=[remaining, 0.0, 0.0])


@dataclass(slots=True, kw_only=True)
class Worker:
    """A budget that exchanges with a pool whenever it is told to."""

    pool: Pool
    budget: Budget
    now: float = NOW

    @classmethod
    def alone(cls, budget: Budget) -> "Worker":
        """Return the only worker of a pool whose bucket is full."""
        return cls(pool=Pool.first(budget.ask(NOW), NOW), budget=budget, now=NOW + 60)

    def exchange(self) -> list[Granted]:
        lease = self.pool.exchange(self.budget.ask(self.now), self.now)
        return self.budget.apply(lease, self.now)


@dataclass(slots=True)
class Till:
    """A store that keeps what it is asked, and can be held up, broken, or away."""

    clock: Callable[[], float]
    gap_s: float = 0.0005
    asks: list[Ask] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    gate: asyncio.Event | None = None
    problem: Exception | None = None
    away: bool = False
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock, wall_clock=self.clock)

    async def exchange(self, ask: Ask) -> Lease:
        self.asks.append(ask)
        if self.gate:
            await self.gate.wait()
        if self.problem:
            raise self.problem
        self._reach()
        return await self.store.exchange(ask)

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        self._reach()
        self.beats.append(spent_nanousd)
        return await self.store.beat(report, spent_nanousd)

    def _reach(self) -> None:
        if self.away:
            raise StoreAway("redis://cache did not answer")


class Queue:
    """A line of one request a millisecond, and the calls that stand in it."""

    def __init__(
        self,
        till: Till | None = None,
        limit_changed: Callable[[str, Amounts, Amounts], None] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.till = till or Till(self.clock)
        self.asks = self.till.asks
        made = budget([A_SECOND * 60, 0.0, 0.0])
        self.line = Line(made, self.till, self.clock, limit_changed)
        self.order: list[str] = []

    @property
    def waiting(self) -> int:
        return self.line.budget.waiting()

    @property
    def in_flight(self) -> int:
        return self.line.budget.in_flight

    def join(
        self, name: str, priority: int = 0, need: Amounts = ONE
    ) -> "asyncio.Task[Reservation | None]":
        async def wait() -> Reservation | None:
            reservation = await self.line.wait(need, priority, 0.0)
            self.order.append(name)
            return reservation

        return asyncio.create_task(wait())

    def tick(self, milliseconds: float = 1.0) -> None:
        self.clock.advance(milliseconds / 1000 * (1 + 1e-6))

    def answer(self, reservation: Reservation) -> None:
        """The call gets an answer without headers, and used what it reserved."""
        told = Heard(limits=nothing(), remaining=nothing())
        self.line.hear(told, reservation, 0.0, answered=True)
        self.line.settle(reservation, reservation.need)

    async def take(self, requests: float) -> Reservation:
        """Wait for so many; they were asked for in vain if the line was closed."""
        reservation = await self.line.wait([requests, 0.0, 0.0], 0, 0.0)
        assert reservation
        return reservation

    async def drain(self) -> None:
        """Spend the stock: all of a full bucket but for its cushion."""
        first = await self.take(1)
        self.tick(60_000)
        second = await self.take(A_SECOND * (1 - min(CUSHION_S, MOST_CUSHION)))
        for reservation in (first, second):
            self.line.settle(reservation, reservation.need)

    async def settled(self, waiting: int) -> None:
        """Let every task run as far as it comes."""
        await until(lambda: self.waiting == waiting)

    async def asking(self, wants: int) -> None:
        """Let an exchange begin that asks for so many."""
        before = len(self.asks)
        await until(lambda: len(self.asks[before:]) > 0 and len(self.asks[-1].wants) == wants)

    async def exchanged(self) -> None:
        """Let another exchange come to its end."""
        before = len(self.asks)
        await until(lambda: len(self.asks) > before)
        await self.turns()

    async def turns(self) -> None:
        """Let all that is ready run: chains of a few callbacks at most."""
        for _ in range(10):
            await checkpoint()
