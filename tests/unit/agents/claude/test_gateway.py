import asyncio

import pytest

from agents.claude.budget import Budget
from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.gateway import EVIDENCE_S, Gateway
from agents.claude.line import LONG_S
from agents.claude.retry import GiveUp, Retry
from schemas.dead_letter import Disposition, Stage
from schemas.observation import Called, Closed, Waited
from schemas.request import Reply
from schemas.sections import Limit
from tests.builders import MODEL, place, progress, reply, request
from tests.fakes import ManualClock, Recorder, ScriptedClient, Steady, Step, until

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever
WALL = 2_000_000_000.0
LIMIT = Limit(models=(MODEL, "claude-haiku-5-5-mirror"), requests_per_minute=60)


class Bench:
    """A gateway of one request a second before a scripted client."""

    def __init__(
        self, *script: Reply | Exception | Step, limits: tuple[Limit, ...] = (LIMIT,)
    ) -> None:
        self.client, self.seen = ScriptedClient(*script), Recorder()
        self.clock, self.wall = ManualClock(), ManualClock(WALL)
        self.gateway = Gateway(
            self.client,
            limits,
            self.seen,
            random=Steady(1.0),
            clock=self.clock,
            wall=self.wall,
        )

    @property
    def budget(self) -> Budget:
        return self.gateway.budgets[MODEL]

    async def call(
        self, model: str = MODEL, record_attempts: int = 0, expires_in_s: float | None = None
    ) -> Reply | Retry | GiveUp:
        self.clock.advance(1)  # the next request is there
        expires_at = None if expires_in_s is None else self.wall() + expires_in_s
        return await self.gateway.call(
            request(model=model),
            place(expires_at=expires_at),
            progress(record_attempts=record_attempts),
        )

    async def retried(self, record_attempts: int = 0) -> Retry:
        answer = await self.call(record_attempts=record_attempts)
        assert isinstance(answer, Retry)
        return answer


async def test_answer_comes_back_with_its_facts() -> None:
    bench = Bench(reply())
    assert await bench.call() == reply()
    waited, called = bench.seen.facts
    assert isinstance(waited, Waited)
    assert waited.seconds == 0
    assert isinstance(called, Called)
    assert (called.task, called.model, called.status) == ("label", MODEL, "200")
    assert (called.usage, called.cost_nanousd) == (reply().usage, reply().cost_nanousd)


async def test_models_of_one_limit_share_one_budget() -> None:
    budgets = Bench().gateway.budgets
    assert budgets[MODEL] is budgets["claude-haiku-5-5-mirror"]


async def test_model_without_a_limit_gets_a_budget_of_its_own() -> None:
    bench = Bench(reply(), limits=())
    assert await bench.call("claude-opus-5") == reply()
    assert list(bench.gateway.budgets) == ["claude-opus-5"]


async def test_unknown_limits_are_found_out_by_one_call_and_then_all_may_go() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    bench = Bench(*(Step(result=reply(), gate=gate) for gate in gates), limits=())
    calls = [asyncio.create_task(bench.call()) for _ in gates]
    await until(lambda: bench.gateway.budgets != {} and bench.budget.waiting() == 2)
    assert len(bench.client.requests) == 1
    gates[0].set()
    await until(lambda: len(bench.client.requests) == 3)
    for gate in gates:
        gate.set()
    assert await asyncio.gather(*calls) == [reply()] * 3


async def test_pieces_of_a_streamed_answer_are_passed_on() -> None:
    bench = Bench(Step(result=reply(), pieces=("a", "b")))
    heard: list[str] = []
    await bench.gateway.call(
        request(), place(), progress(), lambda: heard.append("sent"), heard.append
    )
    assert heard == ["sent", "a", "b"]


@pytest.mark.parametrize(
    ("error", "close_s"),
    [
        (RateLimited("429", status=429, retry_after_s=30), 30),
        (RateLimited("429", status=429), 1),
        (Misconfigured("401", status=401), 60),
    ],
    ids=str,
)
async def test_refusal_of_everybody_closes_the_budget(error: ClaudeError, close_s: float) -> None:
    bench = Bench(error)
    first = await bench.retried()
    assert first.failure.stage is Stage.CALL
    assert bench.budget.closed_until == bench.clock() + close_s
    (closed,) = bench.seen.of(Closed)
    assert (closed.model, closed.seconds, closed.message) == (MODEL, close_s, str(error))


async def test_closed_budget_answers_at_once_with_its_time_and_without_a_call() -> None:
    bench = Bench(RateLimited("429", status=429, retry_after_s=30))
    await bench.call()
    second = await bench.retried()
    assert second.after_s == pytest.approx(29 * 1.1)
    assert (second.failure.stage, second.counts, second.close_s) == (Stage.RESERVE, False, 0)
    assert len(bench.client.requests) == 1


@pytest.mark.parametrize(
    ("error", "reason", "close_s"),
    [
        (RateLimited("429", status=429, retry_after_s=30), "rate_limit", 30),
        (RateLimited("429", status=429, retry_after_s=LONG_S), "rate_limit", LONG_S),
        (Misconfigured("401", status=401), "configuration", 60),
    ],
    ids=str,
)
async def test_those_who_wait_when_it_closes_for_long_are_told_when_it_opens(
    error: ClaudeError, reason: str, close_s: float
) -> None:
    gate = asyncio.Event()
    bench = Bench(Step(result=error, gate=gate), reply())
    first = asyncio.create_task(bench.call())
    await until(lambda: len(bench.client.requests) == 1)
    others = [
        asyncio.create_task(bench.gateway.call(request(), place(), progress())) for _ in range(2)
    ]
    await until(lambda: bench.budget.waiting() == 2)
    gate.set()
    await first
    for answer in await asyncio.gather(*others):
        assert isinstance(answer, Retry)
        assert (answer.failure.stage, answer.reason) == (Stage.RESERVE, reason)
        assert (answer.counts, answer.close_s) == (False, 0)
        assert answer.after_s == pytest.approx(close_s * 1.1)
    assert (bench.budget.waiting(), bench.budget.in_flight) == (0, 0)
    assert len(bench.client.requests) == len(bench.seen.of(Waited)) == 1
    bench.clock.advance(close_s)
    assert await bench.call() == reply()


async def test_those_who_wait_when_it_closes_for_short_wait_until_it_opens() -> None:
    gate = asyncio.Event()
    bench = Bench(Step(result=RateLimited("429", retry_after_s=4), gate=gate), reply())
    first = asyncio.create_task(bench.call())
    await until(lambda: len(bench.client.requests) == 1)
    second = asyncio.create_task(bench.gateway.call(request(), place(), progress()))
    await until(lambda: bench.budget.waiting() == 1)
    gate.set()
    await first
    assert bench.budget.waiting() == 1
    assert len(bench.client.requests) == 1
    bench.clock.advance(4)
    third = asyncio.create_task(bench.gateway.call(request(), place(), progress()))
    assert await second == reply()
    third.cancel()


@pytest.mark.parametrize("error", [Unavailable("529", status=529), Interrupted("cut")], ids=str)
async def test_outage_leaves_the_budget_open(error: ClaudeError) -> None:
    bench = Bench(error, reply())
    assert (await bench.retried()).reason == "outage"
    assert await bench.call() == reply()
    assert bench.seen.of(Closed) == []


async def test_rejected_request_is_given_up() -> None:
    answer = await Bench(RequestRejected("bad", status=400)).call()
    assert isinstance(answer, GiveUp)
    assert answer.disposition is Disposition.REQUEST_REJECTED


async def test_interruption_is_the_records_fault_only_while_others_succeed() -> None:
    bench = Bench(Interrupted("cut"), reply(), Interrupted("cut"), Interrupted("cut"))
    assert (await bench.retried()).reason == "outage"
    await bench.call()
    assert (await bench.retried()).reason == "retry"
    bench.clock.advance(EVIDENCE_S)
    assert (await bench.retried()).reason == "outage"


async def test_success_of_another_model_is_no_evidence() -> None:
    bench = Bench(reply(), Interrupted("cut"))
    await bench.call("claude-opus-5")
    assert (await bench.retried()).reason == "outage"


async def test_record_that_keeps_interrupting_is_exhausted() -> None:
    bench = Bench(reply(), Interrupted("cut"))
    await bench.call()
    answer = await bench.call(record_attempts=2)
    assert isinstance(answer, GiveUp)
    assert answer.disposition is Disposition.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize("left_s", [0, -5])
async def test_expired_event_is_not_sent(left_s: float) -> None:
    bench = Bench()
    answer = await bench.call(expires_in_s=left_s)
    assert isinstance(answer, GiveUp)
    assert (answer.disposition, answer.counts) == (Disposition.DEADLINE_EXPIRED, False)
    assert answer.failure.stage is Stage.RESERVE
    assert (bench.client.requests, bench.seen.facts) == ([], [])


async def test_event_that_expires_in_line_is_not_sent_and_leaves_the_line() -> None:
    bench = Bench(reply())
    await bench.call()
    answer = await bench.gateway.call(request(), place(expires_at=WALL + 0.01), progress())
    assert isinstance(answer, GiveUp)
    assert answer.disposition is Disposition.DEADLINE_EXPIRED
    assert len(bench.client.requests) == 1
    assert (bench.budget.waiting(), bench.budget.in_flight) == (0, 0)


async def test_missed_deadline_is_late_and_not_expired() -> None:
    bench = Bench(reply())
    assert await bench.gateway.call(request(), place(deadline=WALL - 99), progress()) == reply()
