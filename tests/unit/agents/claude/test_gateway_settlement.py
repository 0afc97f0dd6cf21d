import asyncio
from collections.abc import Callable

import pytest

from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.gateway import Gateway
from agents.claude.limits import Unit
from schemas.observation import Called
from schemas.request import Reply
from schemas.sections import Limit
from schemas.usage import Usage
from tests.builders import MODEL, limit_headers, place, progress, reply, request
from tests.fakes import ManualClock, Recorder, ScriptedClient, Steady, Step, until

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever
LIMIT = Limit(
    models=(MODEL,),
    requests_per_minute=600,
    input_tokens_per_minute=600_000,
    output_tokens_per_minute=60_000,
)
FULL = (10, 10_000, 1000)


class Bench:
    """A gateway whose ledger is full: 10 requests, 10,000 input and 1,000 output tokens."""

    def __init__(self, *script: Reply | Exception | Step, limit: Limit = LIMIT) -> None:
        self.client, self.seen, self.clock = ScriptedClient(*script), Recorder(), ManualClock()
        self.gateway = Gateway(
            self.client, [limit], self.seen, random=Steady(1.0), clock=self.clock, wall=self.clock
        )

    async def call(self, on_send: Callable[[], None] | None = None) -> None:
        await self.gateway.call(request(), place(), progress(), on_send)

    @property
    def taken(self) -> list[float]:
        buckets = self.gateway.budgets[MODEL].buckets.values()
        return [full - bucket.level for full, bucket in zip(FULL, buckets, strict=True)]

    @property
    def in_flight(self) -> int:
        return self.gateway.budgets[MODEL].in_flight

    @property
    def statuses(self) -> list[str]:
        return [fact.status for fact in self.seen.of(Called)]


async def reserved() -> list[float]:
    """Return what a call takes while it is in the air."""
    gate = asyncio.Event()
    bench = Bench(Step(result=reply(), gate=gate))
    running = asyncio.create_task(bench.call())
    await until(lambda: bench.client.requests != [])
    taken = bench.taken
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
    bench = Bench(reply(usage=usage))
    await bench.call()
    assert bench.taken == [1, 130, 70]
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
    bench = Bench(error)
    await bench.call()
    assert bench.taken == taken
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
    bench = Bench(error)
    await bench.call()
    assert bench.taken == await reserved()
    assert (bench.in_flight, bench.statuses) == (0, [status])


async def test_cancelled_call_keeps_what_it_reserved() -> None:
    bench = Bench(Step(result=reply(), gate=asyncio.Event()))
    running = asyncio.create_task(bench.call())
    await until(lambda: bench.client.requests != [])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.taken == await reserved()
    assert (bench.in_flight, bench.statuses) == (0, ["cancelled"])


async def test_unexpected_exception_is_settled_and_passed_on() -> None:
    bench = Bench(LookupError("ours"))
    with pytest.raises(LookupError):
        await bench.call()
    assert bench.taken == await reserved()
    assert bench.in_flight == 0


async def test_listener_that_raises_leaves_no_reservation_behind() -> None:
    def broken() -> None:
        raise LookupError

    bench = Bench()
    with pytest.raises(LookupError):
        await bench.call(broken)
    assert (bench.in_flight, bench.client.requests) == (0, [])


async def test_cancelled_waiter_is_charged_nothing() -> None:
    slow = LIMIT.model_copy(update={"requests_per_minute": 60})
    bench = Bench(Step(result=reply(), gate=asyncio.Event()), limit=slow)
    first = asyncio.create_task(bench.call())
    await until(lambda: bench.in_flight == 1)
    second = asyncio.create_task(bench.call())
    await until(lambda: bench.gateway.budgets[MODEL].waiting() == 1)
    taken = bench.taken
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert bench.taken == taken
    assert (bench.gateway.budgets[MODEL].waiting(), bench.in_flight) == (0, 1)
    first.cancel()


async def test_headers_of_an_answer_reach_the_ledger() -> None:
    headers = limit_headers(requests=(600, 4), input_tokens=(300_000, 200_000))
    bench = Bench(Step(result=reply(), headers=headers))
    await bench.call()
    buckets = bench.gateway.budgets[MODEL].buckets
    assert buckets[Unit.REQUESTS].level == 4
    assert buckets[Unit.INPUT_TOKENS].limit == 300_000
    assert buckets[Unit.OUTPUT_TOKENS].limit == 60_000


async def test_headers_of_an_error_reach_the_ledger() -> None:
    headers = limit_headers(requests=(300, 0))
    bench = Bench(Step(result=RateLimited("429", status=429), headers=headers))
    await bench.call()
    assert bench.gateway.budgets[MODEL].buckets[Unit.REQUESTS].limit == 300


async def test_estimates_follow_the_answers() -> None:
    gate = asyncio.Event()
    steady = reply(usage=Usage(input_tokens=100, output_tokens=7))
    bench = Bench(*[steady] * 5, Step(result=reply(), gate=gate))
    for _ in range(5):
        await bench.call()
    before = bench.taken
    running = asyncio.create_task(bench.call())
    await until(lambda: len(bench.client.requests) == 6)
    difference = [now - then for then, now in zip(before, bench.taken, strict=True)]
    assert difference == pytest.approx([1, 100, 8])
    gate.set()
    await running
