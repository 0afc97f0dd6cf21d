"""One call opens a cached prefix, then the crowd."""

import asyncio
from typing import Any

import pytest

from agents.claude.errors import Misconfigured, Unavailable
from agents.claude.refusals import EXPIRED
from agents.claude.retry import Retry
from agents.claude.warmth import WARM_S
from schemas.lease import Unit
from schemas.observation import Estimated
from schemas.request import Block, Reply
from schemas.usage import Usage
from tests.builders import reply
from tests.fakes import Step, until
from tests.unit.agents.claude.gateway_bench import WALL, Bench

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever

LONG: dict[str, Any] = {"system": (Block(text="word " * 1000, cached=True),)}
WROTE = reply(usage=Usage(input_tokens=50, cache_creation_input_tokens=2000, output_tokens=7))
READ = reply(usage=Usage(input_tokens=50, cache_read_input_tokens=2000, output_tokens=7))
UNCACHED = reply(usage=Usage(input_tokens=2050, output_tokens=7))


def gated(result: Reply | Exception) -> tuple[Step, asyncio.Event]:
    gate = asyncio.Event()
    return Step(result=result, gate=gate), gate


async def turns(bench: Bench) -> None:
    """Let the line grant all that it can: an exchange that has nothing left to ask."""
    await bench.spent()
    await until(lambda: bench.waiting == 0)


async def test_crowd_follows_when_the_first_answer_has_begun() -> None:
    headers, end = asyncio.Event(), asyncio.Event()
    opener = Step(result=WROTE, gate=headers, gate_behind_headers=end)
    async with Bench(opener, READ, READ) as bench:
        first = bench.begin(asked=LONG)
        others = [bench.begin(asked=LONG) for _ in range(2)]
        await until(lambda: bench.sent == 1)
        await turns(bench)
        assert bench.sent == 1
        headers.set()
        assert await asyncio.gather(*others) == [READ, READ]
        assert not first.done()
        end.set()
        assert await first == WROTE


async def test_prompts_that_are_not_cached_do_not_wait_for_each_other() -> None:
    script = [gated(reply())[0] for _ in range(3)]
    async with Bench(*script) as bench:
        calls = [bench.begin() for _ in script]
        await until(lambda: bench.sent == 3)
        for call in calls:
            call.cancel()


async def test_another_opens_when_the_first_one_fails() -> None:
    opener, gate = gated(Unavailable("529", status=529))
    second, second_gate = gated(WROTE)
    async with Bench(opener, second, READ) as bench:
        first = bench.begin(asked=LONG)
        others = [bench.begin(asked=LONG) for _ in range(2)]
        await until(lambda: bench.sent == 1)
        gate.set()
        assert isinstance(await first, Retry)
        await until(lambda: bench.sent == 2)
        await turns(bench)
        assert bench.sent == 2
        second_gate.set()
        assert sorted(map(repr, await asyncio.gather(*others))) == sorted(map(repr, (WROTE, READ)))


async def test_another_opens_when_the_first_one_is_cancelled() -> None:
    opener, _ = gated(WROTE)
    async with Bench(opener, WROTE) as bench:
        first, second = bench.begin(asked=LONG), bench.begin(asked=LONG)
        await until(lambda: bench.sent == 1)
        first.cancel()
        assert await second == WROTE


async def test_another_opens_when_the_first_one_is_cancelled_in_line() -> None:
    async with await Bench.full(WROTE, ceilings=[60.0, 0.0, 0.0]) as bench:
        await bench.spent()
        other = bench.budget.enqueue([1.0, 0.0, 0.0], 0, 0.0)[0]
        await bench.spent()  # the only request there is goes to another call
        assert not bench.budget.waiting()
        assert not other.left
        first, second = bench.begin(asked=LONG), bench.begin(asked=LONG)
        await until(lambda: bench.waiting == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        bench.clock.advance(1)
        assert await second == WROTE


async def test_another_opens_when_the_first_one_expires_in_line() -> None:
    async with await Bench.full(WROTE, ceilings=[60.0, 0.0, 0.0]) as bench:
        bench.budget.enqueue([1.0, 0.0, 0.0], 0, 0.0)
        await bench.spent()
        first, second = bench.begin(asked=LONG, expires_at=WALL + 0.01), bench.begin(asked=LONG)
        assert await first == EXPIRED
        bench.clock.advance(1)
        assert await second == WROTE


async def test_event_may_expire_behind_the_first_call() -> None:
    opener, _ = gated(WROTE)
    async with Bench(opener) as bench:
        first = bench.begin(asked=LONG)
        await until(lambda: bench.sent == 1)
        assert await bench.call(asked=LONG, expires_at=WALL + 0.01) == EXPIRED
        first.cancel()


async def test_those_behind_a_first_call_that_closes_the_budget_are_told() -> None:
    opener, gate = gated(Misconfigured("401", status=401))
    async with Bench(opener) as bench:
        calls = [bench.begin(asked=LONG) for _ in range(4)]
        await until(lambda: bench.sent == 1)
        gate.set()
        for answer in await asyncio.gather(*calls):
            assert isinstance(answer, Retry)
            assert answer.reason == "configuration"
        assert (bench.sent, bench.in_flight, bench.waiting) == (1, 0, 0)


async def test_prefix_is_opened_again_when_its_time_is_over() -> None:
    again, gate = gated(WROTE)
    async with Bench(WROTE, READ, again, READ) as bench:
        await bench.call(asked=LONG)
        await bench.call(asked=LONG)
        bench.clock.advance(WARM_S)
        calls = [bench.begin(asked=LONG) for _ in range(2)]
        await until(lambda: bench.sent == 3)
        await turns(bench)
        assert bench.sent == 3
        gate.set()
        await asyncio.gather(*calls)


async def test_warm_prefix_is_not_reserved() -> None:
    async with Bench(WROTE, READ, READ) as bench:
        for _ in range(3):
            await bench.call(asked=LONG)
        cold, *warm = [row for row in bench.seen.of(Estimated) if row.unit is Unit.INPUT_TOKENS]
        assert cold.reserved > 2000
        for row in warm:
            assert row.reserved < 500
            assert row.used == 50


async def test_prefix_that_turns_out_not_to_be_cached_is_reserved_and_holds_nobody_up() -> None:
    script = [gated(UNCACHED) for _ in range(2)]
    begun = asyncio.Event()
    slow = Step(result=UNCACHED, gate_behind_headers=begun)
    async with Bench(UNCACHED, slow, *(step for step, _ in script)) as bench:
        await bench.call(asked=LONG)
        bench.clock.advance(1)
        running = bench.begin(asked=LONG)
        await until(lambda: bench.sent == 2)
        calls = [bench.begin(asked=LONG) for _ in script]  # while that answer is written
        await until(lambda: bench.sent == 4)
        for _, gate in script:
            gate.set()
        begun.set()
        await asyncio.gather(running, *calls)
        rows = [row for row in bench.seen.of(Estimated) if row.unit is Unit.INPUT_TOKENS]
        assert all(row.reserved > 2000 for row in rows)
