"""What the gateway answers: replies, retries, and ends."""

import asyncio

import pytest

from agents.budget.allocation import Allocation
from agents.budget.line import LONG_S
from agents.claude.circuit import EVIDENCE_S
from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.refusals import SPENT_S
from agents.claude.retry import GiveUp, Retry
from schemas.dead_letter import Disposition, Stage
from schemas.observation import Called, Closed, Waited
from schemas.workload import WorkloadClass
from tests.builders import MODEL, place, progress, reply, request
from tests.fakes import Step, until
from tests.unit.agents.claude.gateway_bench import MIRROR, NARROW, WALL, WIDE, Bench, allocation

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever


async def test_answer_comes_back_with_its_facts() -> None:
    async with Bench(reply()) as bench:
        assert await bench.call() == reply()
        waited, called, *_ = bench.seen.facts
        assert isinstance(waited, Waited)
        assert waited.seconds == 0
        assert isinstance(called, Called)
        assert (called.task, called.model, called.status) == ("label", MODEL, "200")
        assert (called.usage, called.cost_nanousd) == (reply().usage, reply().cost_nanousd)


async def test_models_of_one_limit_share_one_budget() -> None:
    bench = Bench()
    assert bench.budget_of(MODEL) is bench.budget_of(MIRROR)
    assert len(list(bench.gateway.lines)) == 1


async def test_model_without_a_limit_gets_a_budget_of_its_own() -> None:
    async with Bench(reply(), allowed=Allocation()) as bench:
        bench.gateway.lines.share = 0.5
        assert await bench.call("claude-opus-5") == reply()
        assert bench.budget_of("claude-opus-5").share == 0.5
        assert len(list(bench.gateway.lines)) == 1


async def test_share_of_the_limits_reaches_every_budget() -> None:
    bench = Bench()
    assert (bench.gateway.lines.share, bench.budget.share) == (1, 1)
    bench.gateway.lines.share = 0.25
    assert (bench.gateway.lines.share, bench.budget.share) == (0.25, 0.25)


async def test_unknown_limits_are_found_out_by_one_call_and_then_all_may_go() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    script = (Step(result=reply(), gate=gate) for gate in gates)
    async with Bench(*script, allowed=Allocation()) as bench:
        calls = [bench.begin() for _ in gates]
        await until(lambda: (bench.sent, bench.waiting) == (1, 2))
        gates[0].set()
        await until(lambda: bench.sent == 3)
        for gate in gates:
            gate.set()
        assert await asyncio.gather(*calls) == [reply()] * 3


async def test_pieces_of_a_streamed_answer_are_passed_on() -> None:
    async with Bench(Step(result=reply(), pieces=("a", "b"))) as bench:
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
    async with Bench(error) as bench:
        first = await bench.retried()
        assert first.failure.stage is Stage.CALL
        assert bench.budget.closed_s(bench.clock()) == close_s
        (closed,) = bench.seen.of(Closed)
        assert (closed.model, closed.seconds, closed.message) == (MODEL, close_s, str(error))


@pytest.mark.parametrize(
    ("error_type", "ramp"), [("ramp_limit_exceeded", True), ("rate_limit_error", False)]
)
async def test_traffic_that_grew_too_fast_is_told_apart(error_type: str, *, ramp: bool) -> None:
    error = RateLimited("429", status=429, error_type=error_type, retry_after_s=9)
    async with Bench(error) as bench:
        await bench.call()
        closing = bench.budget.ask(bench.clock()).closing
        assert closing
        assert (closing.seconds, closing.reason, closing.ramp) == (9, "rate_limit", ramp)


async def test_closed_budget_answers_at_once_with_its_time_and_without_a_call() -> None:
    async with Bench(RateLimited("429", status=429, retry_after_s=30)) as bench:
        await bench.call()
        bench.clock.advance(1)
        second = await bench.retried()
        assert second.after_s == pytest.approx(29 * 1.1)
        assert (second.failure.stage, second.counts, second.close_s) == (Stage.RESERVE, False, 0)
        assert bench.sent == 1


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
    script = (Step(result=error, gate=gate), reply())
    async with await Bench.full(*script, ceilings=NARROW) as bench:
        first = bench.begin()
        await until(lambda: bench.sent == 1)
        others = [bench.begin() for _ in range(2)]
        await until(lambda: bench.waiting == 2)
        gate.set()
        await first
        for answer in await asyncio.gather(*others):
            assert isinstance(answer, Retry)
            assert (answer.failure.stage, answer.reason) == (Stage.RESERVE, reason)
            assert (answer.counts, answer.close_s) == (False, 0)
            assert answer.after_s == pytest.approx(close_s * 1.1)
        assert (bench.waiting, bench.in_flight) == (0, 0)
        assert bench.sent == len(bench.seen.of(Waited)) == 1
        await until(lambda: not bench.budget.has_news)  # the pool is closed as well
        bench.clock.advance(close_s)
        assert await bench.call() == reply()


async def test_those_who_wait_when_it_closes_for_short_wait_until_it_opens() -> None:
    gate = asyncio.Event()
    error = RateLimited("429", status=429, retry_after_s=4)
    script = (Step(result=error, gate=gate), reply())
    async with await Bench.full(*script, ceilings=NARROW) as bench:
        first = bench.begin()
        await until(lambda: bench.sent == 1)
        second = bench.begin()
        await until(lambda: bench.waiting == 1)
        gate.set()
        await first
        await until(lambda: not bench.budget.has_news)  # the pool is closed as well
        assert (bench.waiting, bench.sent) == (1, 1)
        bench.clock.advance(4)
        assert await second == reply()
        assert bench.seen.of(Waited)[-1].seconds == 4


@pytest.mark.parametrize("error", [Unavailable("529", status=529), Interrupted("cut")], ids=str)
async def test_outage_leaves_the_budget_open(error: ClaudeError) -> None:
    async with Bench(error, reply()) as bench:
        assert (await bench.retried()).reason == "outage"
        assert await bench.call() == reply()
        assert bench.seen.of(Closed) == []


async def test_rejected_request_is_given_up() -> None:
    async with Bench(RequestRejected("bad", status=400)) as bench:
        answer = await bench.call()
    assert isinstance(answer, GiveUp)
    assert answer.disposition is Disposition.REQUEST_REJECTED


async def test_interruption_is_the_records_fault_only_while_others_succeed() -> None:
    cut = Interrupted("cut")
    async with Bench(cut, reply(), cut, cut) as bench:
        assert (await bench.retried()).reason == "outage"
        await bench.call()
        assert (await bench.retried()).reason == "retry"
        bench.clock.advance(EVIDENCE_S)
        assert (await bench.retried()).reason == "outage"


async def test_success_of_another_model_is_no_evidence() -> None:
    async with Bench(reply(), Interrupted("cut")) as bench:
        await bench.call("claude-opus-5")
        assert (await bench.retried()).reason == "outage"


async def test_record_that_keeps_interrupting_is_exhausted() -> None:
    async with Bench(reply(), Interrupted("cut")) as bench:
        await bench.call()
        answer = await bench.call(record_attempts=2)
    assert isinstance(answer, GiveUp)
    assert answer.disposition is Disposition.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize("left_s", [0, -5])
async def test_expired_event_is_not_sent(left_s: float) -> None:
    bench = Bench()
    answer = await bench.call(expires_at=WALL + left_s)
    assert isinstance(answer, GiveUp)
    assert (answer.disposition, answer.counts) == (Disposition.DEADLINE_EXPIRED, False)
    assert answer.failure.stage is Stage.RESERVE
    assert (bench.sent, bench.seen.facts) == (0, [])


async def test_event_that_expires_in_line_is_not_sent_and_leaves_the_line() -> None:
    async with await Bench.full(reply(), ceilings=NARROW) as bench:
        await bench.call()
        answer = await bench.call(expires_at=WALL + 0.01)
        assert isinstance(answer, GiveUp)
        assert answer.disposition is Disposition.DEADLINE_EXPIRED
        assert (bench.sent, bench.waiting, bench.in_flight) == (1, 0, 0)


async def test_missed_deadline_is_late_and_not_expired() -> None:
    async with Bench(reply()) as bench:
        assert await bench.call(deadline=WALL - 99) == reply()


async def test_money_of_the_day_holds_a_class_until_it_looks_again() -> None:
    async with Bench(reply(), reply(), allowed=allocation(WIDE, max_usd=0.000024)) as bench:
        await bench.call()
        batch = await bench.retried(workload=WorkloadClass.BATCH)
        assert (batch.reason, batch.counts, batch.close_s) == ("spend", False, 0)
        assert batch.after_s == pytest.approx(SPENT_S * 1.1)
        assert batch.failure.stage is Stage.RESERVE
        assert await bench.call() == reply()  # realtime goes on to the maximum itself
        assert (await bench.retried()).reason == "spend"
        assert bench.sent == 2


async def test_money_is_looked_at_again_at_midnight() -> None:
    bench = Bench(allowed=allocation(WIDE, max_usd=1))
    bench.gateway.spending.learn(10**9)
    bench.wall.now = WALL - WALL % 86_400 + 86_390
    assert (await bench.retried()).after_s == pytest.approx(10 * 1.1)


async def test_worker_reports_its_budgets() -> None:
    async with Bench(reply()) as bench:
        await bench.call()
        made = bench.gateway.lines.report([WorkloadClass.REALTIME])
        (row,) = made.budgets
        assert made.worker == "worker"
        assert row.used[WorkloadClass.REALTIME] == [1, 100, 20]


async def test_gateway_shows_its_budgets() -> None:
    assert repr(Bench().budget) in repr(Bench().gateway)
