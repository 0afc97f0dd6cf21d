"""A gateway before a scripted client, with a clock that stands."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from agents.budget.allocation import Allocation
from agents.budget.budget import Budget
from agents.claude.gateway import Gateway
from agents.claude.retry import GiveUp, Retry
from agents.store.memory import MemoryStore
from schemas.lease import Amounts, Ask, Rules
from schemas.observation import Called
from schemas.request import Reply
from tests.builders import MODEL, place, progress, request
from tests.fakes import ManualClock, Recorder, ScriptedClient, Steady, Step

WALL = 2_000_000_000.0
MIRROR = "claude-haiku-5-5-mirror"
# Ten requests, ten thousand input and a thousand output tokens a second.
WIDE = [600.0, 600_000.0, 60_000.0]
NARROW = [60.0, 0.0, 0.0]


def rules(ceilings: Amounts) -> Rules:
    return Rules(ceilings=ceilings, reserves=[0.0] * 5)


def allocation(ceilings: Amounts, max_usd: float = 0.0) -> Allocation:
    return Allocation(budgets={(MODEL, MIRROR): rules(ceilings)}, max_usd_per_day=max_usd)


class Bench:
    """The gateway, its budget, and all that was observed."""

    def __init__(
        self, *script: Reply | Exception | Step, allowed: Allocation | None = None
    ) -> None:
        self.client, self.seen = ScriptedClient(*script), Recorder()
        self.clock, self.wall = ManualClock(), ManualClock(WALL)
        self.store = MemoryStore(clock=self.clock)
        self.gateway = Gateway(
            self.client,
            allocation(WIDE) if allowed is None else allowed,
            self.seen,
            leases=self.store,
            random=Steady(1.0),
            clock=self.clock,
            wall=self.wall,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gateway.lines.stop()

    @classmethod
    async def full(cls, *script: Reply | Exception | Step, ceilings: Amounts) -> Self:
        """Return a bench whose bucket is full."""
        made = cls(*script, allowed=allocation(ceilings))
        ask = Ask(budget=made.budget.name, worker="other", rules=rules(ceilings))
        await made.store.exchange(ask)
        made.clock.advance(60)
        return made

    @property
    def budget(self) -> Budget:
        return self.budget_of(MODEL)

    def budget_of(self, model: str) -> Budget:
        budgets = [line.budget for line in self.gateway.lines if model in line.budget.models]
        assert len(budgets) == 1
        return budgets[0]

    @property
    def waiting(self) -> int:
        return sum(line.budget.waiting() for line in self.gateway.lines)

    @property
    def in_flight(self) -> int:
        return sum(line.budget.in_flight for line in self.gateway.lines)

    @property
    def sent(self) -> int:
        return len(self.client.requests)

    @property
    def statuses(self) -> list[str]:
        return [fact.status for fact in self.seen.of(Called)]

    async def spent(self) -> Amounts:
        """Return what the pool has charged all workers by now."""
        lease = await self.store.exchange(self.budget.ask(self.clock()))
        self.budget.apply(lease, self.clock())
        return lease.mark

    async def call(
        self,
        model: str = MODEL,
        record_attempts: int = 0,
        on_send: Callable[[], None] | None = None,
        asked: dict[str, Any] | None = None,
        **where: Any,  # noqa: ANN401 - any field of a place
    ) -> Reply | Retry | GiveUp:
        return await self.gateway.call(
            request(**{"model": model} | (asked or {})),
            place(**where),
            progress(record_attempts=record_attempts),
            on_send,
        )

    def begin(self, **given: Any) -> "asyncio.Task[Reply | Retry | GiveUp]":  # noqa: ANN401 - what `call` takes
        return asyncio.create_task(self.call(**given))

    async def retried(self, record_attempts: int = 0, **where: Any) -> Retry:  # noqa: ANN401 - any field of a place
        answer = await self.call(record_attempts=record_attempts, **where)
        assert isinstance(answer, Retry)
        return answer
