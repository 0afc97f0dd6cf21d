import asyncio

import pytest

from agents.claude.budget import PROBE_PATIENCE_S, Budget, Need, Reservation
from agents.claude.line import LONG_S, Line
from schemas.sections import Ceiling
from tests.fakes import ManualClock, until

pytestmark = pytest.mark.timeout(20)  # a waiter that is left behind would wait for ever
ONE = Need(input_tokens=0, output_tokens=0)


class Queue:
    """A line of one request a second, and the calls that stand in it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.line = Line(Budget(Ceiling(requests_per_minute=60), self.clock()), self.clock)
        self.order: list[str] = []

    @property
    def level(self) -> float:
        return next(iter(self.line.budget.buckets.values())).level

    def join(self, name: str, priority: int = 0) -> "asyncio.Task[Reservation | None]":
        async def wait() -> Reservation | None:
            reservation = await self.line.wait(ONE, priority, 0.0)
            self.order.append(name)
            return reservation

        return asyncio.create_task(wait())

    async def settled(self, waiting: int) -> None:
        """Let every task run as far as it comes."""
        await until(lambda: self.line.budget.waiting() == waiting)

    def tick(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.line.pump()


async def test_free_capacity_is_granted_at_once() -> None:
    queue = Queue()
    granted = await queue.line.wait(ONE, 0, 0.0)
    assert granted
    assert granted.need == ONE
    assert (queue.level, queue.line.budget.waiting()) == (0, 0)


async def test_waiters_go_one_by_one_in_order() -> None:
    queue = Queue()
    first = queue.join("first")
    await first
    late, soon = queue.join("late", priority=3), queue.join("soon")
    await queue.settled(2)
    queue.tick()
    await soon
    queue.tick()
    await late
    assert queue.order == ["first", "soon", "late"]


async def test_settling_and_pumping_wakes_the_next() -> None:
    queue = Queue()
    first = await queue.join("first")
    assert first
    second = queue.join("second")
    await queue.settled(1)
    queue.line.budget.settle(
        first, Need(input_tokens=0, output_tokens=0, requests=0), queue.clock()
    )
    queue.line.pump()
    await second


async def test_cancelled_waiter_takes_nothing_and_is_forgotten() -> None:
    queue = Queue()
    await queue.join("first")
    gone, last = queue.join("gone"), queue.join("last")
    await queue.settled(2)
    gone.cancel()
    await queue.settled(1)
    queue.tick()
    await last
    assert queue.order == ["first", "last"]
    assert queue.line.budget.in_flight == 2


async def test_grant_that_meets_a_cancelled_waiter_is_returned() -> None:
    queue = Queue()
    await queue.join("first")
    gone, last = queue.join("gone"), queue.join("last")
    await queue.settled(2)
    gone.cancel()  # the task has not run yet when the grant comes
    queue.tick()
    await last
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert queue.order == ["first", "last"]
    assert (queue.line.budget.in_flight, queue.level) == (2, 0)


async def test_waiter_cancelled_after_its_grant_gives_it_back() -> None:
    queue = Queue()
    await queue.join("first")
    gone, last = queue.join("gone"), queue.join("last")
    await queue.settled(2)
    queue.tick()  # the grant is there, its task has not run yet
    gone.cancel()
    await last
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert queue.order == ["first", "last"]
    assert queue.line.budget.in_flight == 2


async def test_large_head_that_leaves_lets_those_behind_it_go_at_once() -> None:
    line = Line(Budget(Ceiling(requests_per_minute=180), 0.0), ManualClock(0.0))
    await line.wait(ONE, 0, 0.0)  # two of three are left, and some of it is headroom
    two = Need(input_tokens=0, output_tokens=0, requests=2)
    large = asyncio.create_task(line.wait(two, 0, 0.0))
    small = asyncio.create_task(line.wait(ONE, 1, 0.0))
    await until(lambda: line.budget.waiting() == 2)
    large.cancel()
    await until(small.done)  # without a tick of the clock
    assert (granted := small.result())
    assert granted.need == ONE


async def test_closing_for_long_sends_everybody_away() -> None:
    queue = Queue()
    await queue.join("first")
    calls = [queue.join(str(number)) for number in range(3)]
    await queue.settled(3)
    queue.line.close(queue.clock() + LONG_S, "configuration")
    assert await asyncio.gather(*calls) == [None] * 3
    assert queue.line.closed_for == "configuration"
    assert (queue.line.budget.waiting(), queue.line.budget.in_flight) == (0, 1)


async def test_line_that_was_cleared_serves_those_who_come_later() -> None:
    queue = Queue()
    await queue.join("first")
    sent_away = queue.join("sent away")
    await queue.settled(1)
    queue.line.close(queue.clock() + LONG_S, "outage")
    assert await sent_away is None
    late = queue.join("late")
    await queue.settled(1)
    queue.tick(LONG_S)
    assert await late
    assert (queue.line.budget.waiting(), queue.line.budget.in_flight) == (0, 2)


async def test_closing_for_short_keeps_everybody_in_line() -> None:
    queue = Queue()
    await queue.join("first")
    calls = [queue.join(str(number)) for number in range(2)]
    await queue.settled(2)
    queue.line.close(queue.clock() + LONG_S - 0.5, "rate_limit")
    assert queue.line.budget.waiting() == 2
    queue.tick(LONG_S - 1)
    assert queue.line.budget.waiting() == 2
    queue.tick(0.5)
    probe = await calls[0]
    assert probe
    assert queue.line.budget.waiting() == 1
    queue.line.budget.settle(probe, ONE, queue.clock())
    queue.tick()
    assert await calls[1]


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_waiter_cancelled_around_a_long_closing_owes_nothing(
    *, cancelled_first: bool
) -> None:
    queue = Queue()
    await queue.join("first")
    gone, told = queue.join("gone"), queue.join("told")
    await queue.settled(2)
    if cancelled_first:
        gone.cancel()
    queue.line.close(queue.clock() + LONG_S, "outage")
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await told is None
    assert (queue.line.budget.waiting(), queue.line.budget.in_flight) == (0, 1)


async def test_closed_line_lets_one_probe_go_and_the_rest_after_it() -> None:
    queue = Queue()
    queue.line.budget.close(queue.clock() + 5)
    calls = [queue.join(str(number)) for number in range(3)]
    await queue.settled(3)
    queue.tick(5)
    probe = await calls[0]
    assert probe
    queue.tick(PROBE_PATIENCE_S / 2)
    await queue.settled(2)
    queue.line.budget.settle(probe, ONE, queue.clock())
    queue.tick()
    await calls[1]
    queue.tick()
    await calls[2]


async def test_hundred_waiters_half_of_them_cancelled_leave_nobody_behind() -> None:
    queue = Queue()
    calls = [queue.join(str(number)) for number in range(100)]
    await queue.settled(99)
    for call in calls[1::2]:
        call.cancel()
    await queue.settled(49)
    for _ in range(49):
        queue.tick()
        await until(lambda: True)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    granted = [one for one in ended if isinstance(one, Reservation)]
    assert len(granted) == len(queue.order) == queue.line.budget.in_flight == 50
    assert queue.order == [str(number) for number in range(0, 100, 2)]
    assert queue.line.budget.waiting() == 0


async def test_timer_looks_again_without_being_told() -> None:
    loop = asyncio.get_running_loop()
    fast = Ceiling(requests_per_minute=60_000)
    line = Line(Budget(fast, loop.time()), loop.time)
    async with asyncio.timeout(10):
        granted = [await line.wait(ONE, 0, 0.0) for _ in range(1010)]
    assert len(granted) == 1010


def test_line_shows_its_budget() -> None:
    queue = Queue()
    assert repr(queue.line) == repr(queue.line.budget)
