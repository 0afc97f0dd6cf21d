"""When the pool is asked, and what stops the asking."""

import asyncio

import pytest

from agents.budget.line import NEWS_S
from schemas.lease import Closing
from tests.fakes import until
from tests.unit.agents.budget.builders import ONE, Queue, heard

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever


async def test_one_exchange_at_a_time(queue: Queue) -> None:
    gate = queue.till.gate = asyncio.Event()
    calls = [queue.join("a")]
    await queue.asking(1)
    before = len(queue.asks)
    calls += [queue.join(str(n), priority=n % 4) for n in range(10)]
    await queue.settled(11)
    queue.tick(100)
    await queue.turns()
    assert len(queue.asks) == before
    gate.set()
    assert all(await asyncio.gather(*calls))


async def test_calls_of_one_turn_are_asked_for_in_one_exchange(queue: Queue) -> None:
    before = len(queue.asks)
    calls = [queue.join(str(n)) for n in range(4)]
    queue.tick(4)
    await asyncio.gather(*calls)
    assert len(queue.asks[before].wants) == 4


async def test_first_of_a_class_does_not_wait_for_the_next_look(queue: Queue) -> None:
    queue.till.gap_s = 60.0
    call = queue.join("batch", priority=3)
    await queue.exchanged()
    late = queue.join("later batch", priority=3)
    await queue.settled(2)
    before = len(queue.asks)
    urgent = queue.join("realtime")
    await queue.exchanged()
    assert [want.priority for want in queue.asks[before].wants] == [0, 3, 3]
    assert not any(each.done() for each in (call, late, urgent))
    for each in (call, late, urgent):
        each.cancel()


async def test_others_are_asked_for_at_the_stores_pace(queue: Queue) -> None:
    queue.till.gap_s = 0.02
    call = queue.join("call")
    await queue.exchanged()
    began = asyncio.get_running_loop().time()
    for _ in range(4):
        await queue.exchanged()
    assert asyncio.get_running_loop().time() - began >= 3 * queue.till.gap_s
    call.cancel()


async def test_news_is_told_though_nobody_waits(queue: Queue) -> None:
    queue.tick()
    reservation = await queue.line.wait(ONE, 0, 0.0)
    assert reservation
    before, began = len(queue.asks), asyncio.get_running_loop().time()
    queue.line.hear(heard(60_000, 50), reservation, 0.1, answered=True)
    queue.line.settle(reservation, [0.0, 0.0, 0.0])
    await until(lambda: len(queue.asks) > before)
    assert asyncio.get_running_loop().time() - began <= 2 * NEWS_S
    assert queue.asks[before].returned[0] == pytest.approx(1)
    (told,) = queue.asks[before].told
    assert told.age_s == pytest.approx(0.1)


async def test_closing_is_told_at_once(queue: Queue) -> None:
    closing = Closing(seconds=1, reason="rate_limit")
    queue.till.gap_s = 60.0
    queue.line.close(closing)
    await queue.exchanged()
    assert queue.asks[-1].closing == closing


async def test_exchange_that_raises_does_not_stop_the_line(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.till.problem = LookupError("ours")
    call = queue.join("call")
    await queue.exchanged()
    assert [record.__dict__["event"] for record in caplog.records] == ["exchange_failed"]
    assert queue.waiting == 1
    queue.till.problem = None
    queue.tick()
    assert await call


async def test_stopped_line_asks_no_more(queue: Queue) -> None:
    queue.tick()
    reservation = await queue.line.wait(ONE, 0, 0.0)
    assert reservation
    call = queue.join("call")
    await queue.settled(1)
    queue.line.stop()
    queue.line.stop()
    before = len(queue.asks)
    queue.line.settle(reservation, [0.0, 0.0, 0.0])
    queue.line.close(Closing(seconds=1, reason="outage"))
    await queue.turns()
    assert len(queue.asks) == before
    call.cancel()


async def test_line_is_stopped_in_the_middle_of_an_exchange(queue: Queue) -> None:
    queue.till.gate = asyncio.Event()
    call = queue.join("call")
    await queue.asking(1)
    queue.line.stop()
    before = len(queue.asks)
    queue.till.gate.set()
    await queue.turns()
    assert len(queue.asks) == before
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
