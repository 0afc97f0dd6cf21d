"""Waiting, being granted, and leaving at each point."""

import asyncio

import pytest

from agents.budget.line import LONG_S
from agents.budget.tickets import Reservation
from schemas.lease import Ask, Closing
from tests.fakes import until
from tests.unit.agents.budget.builders import ONE, Queue, Till, budget, rules

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever


async def test_free_capacity_is_granted_at_once() -> None:
    queue = Queue()
    granted = await queue.line.wait(ONE, 2, 0.0)
    assert granted
    assert (granted.need, granted.priority) == (ONE, 2)
    assert (queue.waiting, queue.in_flight) == (0, 1)
    queue.line.stop()


async def test_most_calls_go_from_the_stock_leased_ahead() -> None:
    queue = Queue()
    for _ in range(200):
        await queue.line.wait(ONE, 0, 0.0)
        queue.tick()
    assert queue.in_flight == 200
    assert len(queue.asks) < 100
    queue.line.stop()


async def test_waiters_go_one_by_one_in_order(queue: Queue) -> None:
    late, soon = queue.join("late", priority=3), queue.join("soon")
    await queue.settled(2)
    queue.tick()
    await soon
    queue.tick()
    await late
    assert queue.order == ["soon", "late"]


async def test_nothing_goes_before_its_capacity_is_there(queue: Queue) -> None:
    call = queue.join("call")
    await queue.settled(1)
    for _ in range(3):
        await queue.exchanged()
    assert not call.done()
    queue.tick()
    assert await call


async def test_settlement_wakes_the_next(queue: Queue) -> None:
    queue.tick()
    first = await queue.line.wait(ONE, 0, 0.0)
    assert first
    second = queue.join("second")
    await queue.settled(1)
    queue.line.settle(first, [0.0, 0.0, 0.0])
    assert await second


async def test_cancelled_before_any_exchange_it_is_not_asked_for(queue: Queue) -> None:
    before = len(queue.asks)
    gone = queue.join("gone")
    await queue.settled(1)
    gone.cancel()
    await queue.settled(0)
    await until(lambda: len(queue.asks) > before)
    assert all(ask.wants == () for ask in queue.asks[before:])
    assert queue.in_flight == 0


async def test_cancelled_while_its_exchange_is_under_way_it_gives_its_grant_back(
    queue: Queue,
) -> None:
    gate = queue.till.gate = asyncio.Event()
    gone, stays = queue.join("gone"), queue.join("stays")
    await queue.asking(2)
    gone.cancel()
    await queue.settled(1)
    queue.tick()
    gate.set()
    assert await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (queue.order, queue.in_flight) == (["stays"], 1)


async def test_grant_that_meets_a_cancelled_waiter_is_returned(queue: Queue) -> None:
    gate = queue.till.gate = asyncio.Event()
    gone = queue.join("gone")
    await queue.asking(1)
    queue.tick()
    gate.set()
    gone.cancel()  # its task has not run yet when the grant comes
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (queue.order, queue.in_flight, queue.waiting) == ([], 0, 0)
    assert await queue.line.wait(ONE, 0, 0.0)  # it has been given back


async def test_waiter_cancelled_after_its_grant_gives_it_back(queue: Queue) -> None:
    gate = queue.till.gate = asyncio.Event()
    gone = queue.join("gone")
    await queue.asking(1)
    queue.tick()
    gate.set()  # wakes the exchange, which grants; only then its owner would wake
    asyncio.get_running_loop().call_soon(gone.cancel)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (queue.order, queue.in_flight, queue.waiting) == ([], 0, 0)
    assert await queue.line.wait(ONE, 0, 0.0)


async def test_head_that_leaves_lets_those_behind_it_go_at_once(queue: Queue) -> None:
    large = queue.join("large", need=[500.0, 0.0, 0.0])
    await queue.settled(1)
    small = queue.join("small")
    await queue.settled(2)
    queue.tick()
    for _ in range(2):
        await queue.exchanged()
    assert not small.done()
    before = len(queue.asks)
    large.cancel()
    assert await small
    assert len(queue.asks) == before + 1


async def test_hundred_waiters_half_of_them_cancelled_leave_nobody_behind(queue: Queue) -> None:
    calls = [queue.join(str(number)) for number in range(100)]
    await queue.settled(100)
    for call in calls[1::2]:
        call.cancel()
    await queue.settled(50)
    queue.tick(100)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    granted = [one for one in ended if isinstance(one, Reservation)]
    assert len(granted) == len(queue.order) == queue.in_flight == 50
    assert queue.order == [str(number) for number in range(0, 100, 2)]
    assert queue.waiting == 0


async def test_closing_for_long_sends_everybody_away(queue: Queue) -> None:
    calls = [queue.join(str(number)) for number in range(3)]
    await queue.settled(3)
    queue.line.close(Closing(seconds=LONG_S, reason="configuration"))
    assert await asyncio.gather(*calls) == [None] * 3
    assert queue.line.budget.closed_for == "configuration"
    assert (queue.waiting, queue.in_flight) == (0, 0)


async def test_closing_by_another_worker_sends_everybody_away(queue: Queue) -> None:
    calls = [queue.join(str(number)) for number in range(3)]
    await queue.settled(3)
    shut = Closing(seconds=LONG_S, reason="configuration")
    other = budget(queue.line.budget.rules.ceilings, "w2")
    other.close(shut, queue.clock())
    await queue.till.store.exchange(other.ask(queue.clock()))
    assert await asyncio.gather(*calls) == [None] * 3
    assert queue.line.budget.closed_s(queue.clock()) == LONG_S


async def test_line_that_was_cleared_serves_those_who_come_later(queue: Queue) -> None:
    sent_away = queue.join("sent away")
    await queue.settled(1)
    queue.line.close(Closing(seconds=LONG_S, reason="outage"))
    assert await sent_away is None
    await until(lambda: not queue.line.budget.has_news)
    queue.tick(LONG_S * 1000)
    assert await queue.join("late")
    assert (queue.waiting, queue.in_flight) == (0, 1)


async def test_closing_for_short_keeps_everybody_in_line_behind_a_probe(queue: Queue) -> None:
    calls = [queue.join(str(number)) for number in range(3)]
    await queue.settled(3)
    queue.line.close(Closing(seconds=LONG_S - 0.5, reason="rate_limit"))
    await queue.exchanged()
    assert queue.waiting == 3
    queue.tick((LONG_S - 0.5) * 1000)
    probe = await calls[0]
    assert probe
    await queue.exchanged()
    assert queue.waiting == 2
    queue.line.settle(probe, ONE)  # without an answer: the next one tries
    second = await calls[1]
    assert second
    queue.answer(second)
    assert await calls[2]


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_waiter_cancelled_around_a_long_closing_owes_nothing(
    *, queue: Queue, cancelled_first: bool
) -> None:
    gone, told = queue.join("gone"), queue.join("told")
    await queue.settled(2)
    if cancelled_first:
        gone.cancel()
    queue.line.close(Closing(seconds=LONG_S, reason="outage"))
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await told is None
    assert (queue.waiting, queue.in_flight) == (0, 0)


async def test_limit_that_is_told_anew_is_announced() -> None:
    heard: list[tuple[str, float, float]] = []
    till = Till(lambda: 1000.0)
    queue = Queue(till, lambda model, was, now: heard.append((model, was[0], now[0])))
    asked = Ask(budget=queue.line.budget.name, worker="w2", rules=rules(), known=[50.0, 0.0, 0.0])
    await till.store.exchange(asked)
    call = queue.join("call")
    await queue.exchanged()
    assert heard == [(queue.line.budget.models[0], 0.0, 50.0)]
    queue.line.stop()
    call.cancel()


async def test_line_shows_its_budget() -> None:
    queue = Queue()
    assert repr(queue.line) == repr(queue.line.budget)
