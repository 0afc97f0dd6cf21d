"""What a call costs the budget, and what its response tells."""

import asyncio

import pytest

from agents.budget.allocation import Allocation
from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from schemas.lease import Amounts, Unit, nothing
from schemas.observation import Estimated, LimitChanged
from schemas.usage import Usage
from tests.builders import MODEL, limit_headers, reply
from tests.fakes import Step, until
from tests.unit.agents.claude.gateway_bench import NARROW, Bench

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever


async def reserved() -> Amounts:
    """Return what a call takes while it is in the air."""
    gate = asyncio.Event()
    async with Bench(Step(result=reply(), gate=gate)) as bench:
        running = bench.begin()
        await until(lambda: bench.sent == 1)
        taken = await bench.spent()
        gate.set()
        await running
    return taken


async def test_answer_is_charged_what_it_used() -> None:
    usage = Usage(
        input_tokens=100,
        cache_creation_input_tokens=30,
        cache_read_input_tokens=9000,
        output_tokens=70,
    )
    async with Bench(reply(usage=usage)) as bench:
        await bench.call()
        assert await bench.spent() == pytest.approx([1, 130, 70])
        assert bench.budget.used.last_minute(bench.clock())[0] == [1, 130, 70]
        assert (bench.in_flight, bench.statuses) == (0, ["200"])


async def test_cap_is_reserved_until_the_answer_is_there() -> None:
    requests, input_tokens, output_tokens = await reserved()
    assert (requests, output_tokens) == (1, 50)
    assert 10 < input_tokens < 1000


@pytest.mark.parametrize(
    ("error", "taken", "status"),
    [
        (RateLimited("a", status=429), [0, 0, 0], "429"),
        (RequestRejected("b", status=400), [0, 0, 0], "400"),
        (Misconfigured("c", status=401), [1, 0, 0], "401"),
        (Misconfigured("d", error_type="no_key"), [1, 0, 0], "no_key"),
        (Unavailable("e", status=529), [1, 0, 0], "529"),
        (Unavailable("f", error_type="connection"), [1, 0, 0], "connection"),
    ],
    ids=str,
)
async def test_call_that_was_not_answered_gives_its_tokens_back(
    error: ClaudeError, taken: list[float], status: str
) -> None:
    async with Bench(error) as bench:
        await bench.call()
        assert await bench.spent() == pytest.approx(taken, abs=1e-9)
        assert (bench.in_flight, bench.statuses) == (0, [status])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted("cut", error_type="cut_stream"), "cut_stream"),
        (Interrupted("late", error_type="timeout"), "timeout"),
        (Unavailable("in a stream", status=200, error_type="overloaded_error"), "overloaded_error"),
        (RateLimited("in a stream", status=200, error_type="rate_limit_error"), "rate_limit_error"),
    ],
    ids=str,
)
async def test_call_that_may_have_been_paid_keeps_what_it_reserved(
    error: ClaudeError, status: str
) -> None:
    async with Bench(error) as bench:
        await bench.call()
        assert await bench.spent() == await reserved()
        assert (bench.in_flight, bench.statuses) == (0, [status])


async def test_cancelled_call_keeps_what_it_reserved() -> None:
    async with Bench(Step(result=reply(), gate=asyncio.Event())) as bench:
        running = bench.begin()
        await until(lambda: bench.sent == 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await bench.spent() == await reserved()
        assert (bench.in_flight, bench.statuses) == (0, ["cancelled"])


async def test_unexpected_exception_is_settled_and_passed_on() -> None:
    async with Bench(LookupError("ours")) as bench:
        with pytest.raises(LookupError):
            await bench.call()
        assert await bench.spent() == await reserved()
        assert bench.in_flight == 0


async def test_listener_that_raises_leaves_no_reservation_behind() -> None:
    def broken() -> None:
        raise LookupError

    async with Bench() as bench:
        with pytest.raises(LookupError):
            await bench.call(on_send=broken)
        assert (bench.in_flight, bench.sent) == (0, 0)


async def test_cancelled_waiter_is_charged_nothing() -> None:
    script = (Step(result=reply(), gate=asyncio.Event()),)
    async with await Bench.full(*script, ceilings=NARROW) as bench:
        first = bench.begin()
        await until(lambda: bench.sent == 1)
        second = bench.begin()
        await until(lambda: bench.waiting == 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (await bench.spent())[0] == 1
        assert (bench.waiting, bench.in_flight) == (0, 1)
        first.cancel()


HEADERS = limit_headers(requests=(300, 4), input_tokens=(300_000, 200_000))


@pytest.mark.parametrize(
    "step",
    [
        Step(result=reply(), headers=HEADERS),
        Step(result=Unavailable("529", status=529), headers=HEADERS),
        Step(result=Interrupted("cut"), status=200, headers=HEADERS),
    ],
    ids=["answer", "error", "cut stream"],
)
async def test_headers_reach_the_budget_whatever_comes_behind_them(step: Step) -> None:
    async with Bench(step) as bench:
        await bench.call()
        (told,) = bench.budget.ask(bench.clock()).told
        assert told.limits == [300, 300_000, 0]
        assert told.remaining == [4, 200_000, 0]
        assert told.mark == await reserved()


async def test_headers_reach_the_budget_while_the_answer_is_still_written() -> None:
    gate = asyncio.Event()
    step = Step(result=reply(), headers=HEADERS, gate_behind_headers=gate, took_s=2.0)
    async with Bench(step) as bench:
        running = bench.begin()
        await until(lambda: bench.budget.has_news)
        bench.clock.advance(1)
        (told,) = bench.budget.ask(bench.clock()).told
        assert told.age_s == 3  # two until they came, and one since
        gate.set()
        await running


async def test_headers_of_a_refusal_are_in_force_when_it_opens() -> None:
    headers = limit_headers(requests=(300, 0))
    error = RateLimited("429", status=429, retry_after_s=1)
    async with Bench(Step(result=error, headers=headers)) as bench:
        await bench.call()
        await bench.spent()
        assert bench.budget.limits[0] == 300


async def test_calls_are_streamed_until_limits_are_heard() -> None:
    script = [Step(result=reply(), headers=HEADERS), reply()]
    async with Bench(reply(), *script) as bench:
        for _ in range(3):
            await bench.call()
        assert [asked.stream for asked in bench.client.requests] == [True, True, False]


async def test_changed_limits_are_told_once_each() -> None:
    lower = limit_headers(requests=(100, 99), input_tokens=(300_000, 200_000))
    script = [Step(result=reply(), headers=headers) for headers in (HEADERS, lower, lower)]
    async with Bench(*script, reply()) as bench:
        for _ in range(4):
            await bench.call()
            bench.clock.advance(1)
        facts = bench.seen.of(LimitChanged)
        assert [(fact.unit, fact.before, fact.now) for fact in facts] == [
            (Unit.REQUESTS, 0, 300),
            (Unit.INPUT_TOKENS, 0, 300_000),
            (Unit.REQUESTS, 300, 100),
        ]
        assert {fact.model for fact in facts} == {MODEL}


async def test_estimate_is_told_beside_what_was_used() -> None:
    async with Bench(reply()) as bench:
        await bench.call()
        tokens_in, tokens_out = bench.seen.of(Estimated)
        assert (tokens_in.task, tokens_in.model) == ("label", MODEL)
        assert (tokens_in.unit, tokens_in.used) == (Unit.INPUT_TOKENS, 100)
        assert (tokens_out.unit, tokens_out.used) == (Unit.OUTPUT_TOKENS, 20)
        assert [1, tokens_in.reserved, tokens_out.reserved] == await reserved()


async def test_failed_call_tells_of_no_estimate() -> None:
    async with Bench(Unavailable("529", status=529)) as bench:
        await bench.call()
        assert bench.seen.of(Estimated) == []


async def test_estimates_follow_the_answers() -> None:
    steady = reply(usage=Usage(input_tokens=100, output_tokens=7))
    async with Bench(*[steady] * 6) as bench:
        for _ in range(6):
            await bench.call()
        tokens_in, tokens_out = bench.seen.of(Estimated)[-2:]
        assert (tokens_in.reserved, tokens_out.reserved) == (pytest.approx(100), 7)


async def test_probe_that_is_cancelled_lets_the_next_one_try() -> None:
    gates = [asyncio.Event() for _ in range(2)]
    script = (Step(result=reply(), gate=gate) for gate in gates)
    async with Bench(*script, allowed=Allocation()) as bench:
        first, second = bench.begin(), bench.begin()
        await until(lambda: (bench.sent, bench.waiting) == (1, 1))
        first.cancel()
        await until(lambda: bench.sent == 2)
        gates[1].set()
        assert await second == reply()


async def test_stopped_gateway_settles_without_another_exchange() -> None:
    gate = asyncio.Event()
    async with Bench(Step(result=reply(), gate=gate)) as bench:
        running = bench.begin()
        await until(lambda: bench.sent == 1)
        bench.gateway.lines.stop()
        gate.set()
        assert await running == reply()
        assert bench.in_flight == 0
        assert bench.budget.ask(bench.clock()).returned != nothing()
