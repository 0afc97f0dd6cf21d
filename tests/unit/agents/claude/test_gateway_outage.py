"""Calls held by the circuit of their model."""

import asyncio
from typing import Any

import pytest

from agents.budget.allocation import Allocation
from agents.claude.circuit import LEAST_FAILURES, PROBE_S
from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.refusals import EXPIRED
from agents.claude.retry import GiveUp, Retry
from schemas.dead_letter import Stage
from schemas.observation import OutageBegan, OutageEnded
from schemas.request import Block, Reply
from tests.builders import MODEL, place, progress, reply, request
from tests.fakes import Step, until
from tests.unit.agents.claude.gateway_bench import NARROW, WALL, Bench

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever

SICK = Unavailable("the API answered 529", status=529, error_type="overloaded_error")
ENOUGH = (SICK,) * LEAST_FAILURES
OPEN_S = 10.0  # longer than any wait
LONG: dict[str, Any] = {"system": (Block(text="word " * 1000, cached=True),)}


def gated(result: Reply | Exception) -> tuple[Step, asyncio.Event]:
    gate = asyncio.Event()
    return Step(result=result, gate=gate), gate


async def broken(*script: Reply | Exception | Step, **more: Allocation) -> Bench:
    """Return a bench whose circuit has just opened; the script comes after that."""
    bench = Bench(*ENOUGH, *script, **more)
    for _ in ENOUGH:
        await bench.call()
    return bench


def held(answer: Reply | Retry | GiveUp) -> Retry:
    assert isinstance(answer, Retry)
    assert (answer.reason, answer.failure.stage) == ("outage", Stage.RESERVE)
    assert (answer.counts, answer.close_s) == (False, 0)
    return answer


async def test_open_circuit_answers_at_once_without_request_or_reservation() -> None:
    async with await broken() as bench:
        charged = await bench.spent()
        answer = held(await bench.call())
        assert 1 <= answer.after_s <= 3
        assert bench.sent == LEAST_FAILURES
        assert await bench.spent() == charged
        assert bench.waiting == bench.in_flight == 0


async def test_outage_is_told_once_with_its_cause_and_its_end_once() -> None:
    async with await broken(SICK, reply(), reply()) as bench:
        (began,) = bench.seen.of(OutageBegan)
        assert began.model == MODEL
        assert began.message == "5 of the last 5 calls failed, the last one so: " + str(SICK)
        assert bench.gateway.outages() == (MODEL,)
        for _ in range(2):
            bench.clock.advance(OPEN_S)
            await bench.call()
        await bench.call()
        assert len(bench.seen.of(OutageBegan)) == 1
        (ended,) = bench.seen.of(OutageEnded)
        assert (ended.model, ended.seconds) == (MODEL, 2 * OPEN_S)
        assert bench.gateway.outages() == ()


async def test_only_outages_that_last_are_named_when_asked_so() -> None:
    async with await broken() as bench:
        assert bench.gateway.outages(30) == ()
        bench.clock.advance(30)
        assert bench.gateway.outages(30) == (MODEL,)


async def test_other_models_go_on() -> None:
    async with await broken(reply()) as bench:
        assert await bench.call("claude-opus-5") == reply()


async def test_one_probe_goes_and_then_the_crowd() -> None:
    step, gate = gated(reply())
    async with await broken(step, reply(), reply()) as bench:
        bench.clock.advance(OPEN_S)
        probe = bench.begin()
        await until(lambda: bench.sent == LEAST_FAILURES + 1)
        assert bench.client.requests[-1].stream  # its headers come first
        assert held(await bench.call()).after_s > 2
        gate.set()
        assert await probe == reply()
        assert await bench.call() == await bench.call() == reply()


async def test_headers_of_the_probe_are_enough() -> None:
    behind = asyncio.Event()
    step = Step(result=reply(), gate_behind_headers=behind)
    async with await broken(step, reply()) as bench:
        bench.clock.advance(OPEN_S)
        probe = bench.begin()
        await until(lambda: bench.gateway.outages() == ())
        assert await bench.call() == reply()
        behind.set()
        await probe


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("429", status=429, retry_after_s=1),
        RequestRejected("400", status=400),
        Misconfigured("401", status=401),
    ],
    ids=str,
)
async def test_any_sign_of_life_of_a_probe_ends_the_outage(error: ClaudeError) -> None:
    async with await broken(error) as bench:
        bench.clock.advance(OPEN_S)
        await bench.call()
        assert bench.gateway.outages() == ()
        assert len(bench.seen.of(OutageEnded)) == 1


async def test_cancelled_probe_lets_another_go() -> None:
    step, _ = gated(reply())
    async with await broken(step, reply()) as bench:
        bench.clock.advance(OPEN_S)
        probe = bench.begin()
        await until(lambda: bench.sent == LEAST_FAILURES + 1)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert await bench.call() == reply()


async def test_probe_that_expires_or_breaks_lets_another_go() -> None:
    async with await broken(LookupError("ours"), reply()) as bench:
        bench.clock.advance(OPEN_S)
        assert await bench.call(expires_at=WALL) == EXPIRED
        with pytest.raises(LookupError):
            await bench.call()
        assert await bench.call() == reply()


async def test_hanging_probe_lets_another_go_after_a_while() -> None:
    step, _ = gated(reply())
    async with await broken(step, reply()) as bench:
        bench.clock.advance(OPEN_S)
        probe = bench.begin()
        await until(lambda: bench.sent == LEAST_FAILURES + 1)
        bench.clock.advance(PROBE_S)
        assert await bench.call() == reply()
        probe.cancel()


async def test_those_in_line_when_it_opens_are_sent_back_and_give_up_their_place() -> None:
    long = Unavailable("the API answered 503", status=503, retry_after_s=30)
    steps = [gated(long) for _ in ENOUGH]
    async with await Bench.full(*(step for step, _ in steps), ceilings=NARROW) as bench:
        calls = []
        for number in range(1, LEAST_FAILURES + 1):
            bench.clock.advance(1)
            calls.append(bench.begin())
            await until(lambda number=number: bench.sent == number)  # type: ignore[misc]
        waiting = [bench.begin() for _ in range(3)]
        await until(lambda: bench.waiting > 0)
        for _, gate in steps:
            gate.set()
        await asyncio.gather(*calls)
        bench.clock.advance(2)  # a request is there, and the circuit still open
        for call in waiting:
            held(await call)
        assert bench.sent == LEAST_FAILURES
        assert bench.in_flight == bench.waiting == 0


async def test_crowd_behind_a_first_call_is_sent_back() -> None:
    async with await broken(SICK, reply()) as bench:
        bench.clock.advance(OPEN_S)
        first, *others = [bench.begin(asked=LONG) for _ in range(3)]
        assert isinstance(await first, Retry)
        for answer in await asyncio.gather(*others):
            held(answer)
        bench.clock.advance(OPEN_S)
        assert await bench.call(asked=LONG) == reply()


async def test_closed_budget_comes_first_and_takes_no_probes_place() -> None:
    limited = RateLimited("429", status=429, retry_after_s=30)
    step, gate = gated(limited)
    async with Bench(step, *ENOUGH, reply()) as bench:
        slow = bench.begin()
        await until(lambda: bench.sent == 1)
        for _ in ENOUGH:
            await bench.call()
        gate.set()
        await slow
        assert bench.gateway.outages() == (MODEL,)  # it left before
        assert (await bench.retried()).reason == "rate_limit"
        await until(lambda: not bench.budget.has_news)  # the pool is closed as well
        bench.clock.advance(30)
        assert await bench.call() == reply()


async def test_unknown_limits_are_probed_again_after_an_outage() -> None:
    async with await broken(reply(), reply(), allowed=Allocation()) as bench:
        bench.clock.advance(OPEN_S)
        assert await bench.call() == reply()
        assert await bench.call() == reply()


async def test_own_earlier_answer_is_no_evidence_against_a_record() -> None:
    cut = Interrupted("cut")
    async with Bench(reply(), cut, cut) as bench:
        own = place()
        await bench.gateway.call(request(), own, progress())
        again = await bench.gateway.call(request(), own, progress())
        assert isinstance(again, Retry)
        assert again.reason == "outage"
        other = await bench.gateway.call(request(), place(), progress())
        assert isinstance(other, Retry)
        assert other.reason == "retry"


async def test_interruptions_of_many_at_once_are_nobodys_fault() -> None:
    steps = [gated(Interrupted("hung", error_type="timeout")) for _ in range(6)]
    async with Bench(reply(), *(step for step, _ in steps)) as bench:
        await bench.call()
        calls = [bench.begin() for _ in steps]
        await until(lambda: bench.sent == 7)
        for _, gate in steps:
            gate.set()
        answers = await asyncio.gather(*calls)
        counted = [answer for answer in answers if isinstance(answer, Retry) and answer.counts]
        assert len(counted) < LEAST_FAILURES
        assert all(isinstance(answer, Retry) for answer in answers)


async def test_paid_and_cut_answers_are_proved_by_a_whole_one_only() -> None:
    cut = Step(result=Interrupted("cut", error_type="cut_stream"), status=200)
    behind = asyncio.Event()
    slow = Step(result=reply(), gate_behind_headers=behind)
    async with Bench(*[cut] * LEAST_FAILURES, slow) as bench:
        for _ in range(LEAST_FAILURES):
            await bench.call()
        bench.clock.advance(OPEN_S)
        probe = bench.begin()
        await until(lambda: bench.sent == LEAST_FAILURES + 1)
        held(await bench.call())
        behind.set()
        assert await probe == reply()
        assert bench.gateway.outages() == ()
