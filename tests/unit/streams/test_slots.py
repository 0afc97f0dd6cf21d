import asyncio
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.slots import Slots
from tests.fakes import until

HOUR_S = 3600.0


class Crowd:
    """Named tasks that want a slot each, and hold it until they are told to leave."""

    def __init__(self, size: int, look_s: float = HOUR_S) -> None:
        self.size = size
        self.slots = Slots(lambda: self.size, look_s=look_s)
        self.inside: list[int] = []
        self.order: list[int] = []
        self.doors: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def come(self, *names: int) -> None:
        for name in names:
            self.doors[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._stay(name))
        await self.settle()

    async def leave(self, *names: int) -> None:
        for name in names:
            self.doors[name].set()
        await self.settle()

    async def settle(self) -> None:
        """Let the tasks run as far as they get."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def _stay(self, name: int) -> None:
        async with self.slots:
            self.inside.append(name)
            self.order.append(name)
            try:
                await self.doors[name].wait()
            finally:
                self.inside.remove(name)


async def test_so_many_as_the_limit_are_inside_and_the_rest_wait() -> None:
    crowd = Crowd(2)
    await crowd.come(0, 1, 2)
    assert crowd.inside == [0, 1]
    assert (crowd.slots.in_use, crowd.slots.waiting, crowd.slots.limit) == (2, 1, 2)
    assert repr(crowd.slots) == "Slots(2 of 2 in use, 1 waiting)"
    await crowd.leave(0)
    assert crowd.inside == [1, 2]
    await crowd.leave(1, 2)
    assert (crowd.slots.in_use, crowd.slots.waiting) == (0, 0)


async def test_first_come_is_first_served() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2, 3)
    await crowd.leave(0, 1, 2, 3)
    assert crowd.order == [0, 1, 2, 3]


async def test_newcomer_does_not_pass_who_waits_when_the_limit_has_grown_unseen() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2)
    crowd.size = 3
    await crowd.come(3)
    assert crowd.inside == [0, 1, 2]
    await crowd.leave(0, 1, 2, 3)
    assert crowd.order == [0, 1, 2, 3]


async def test_raised_limit_lets_in_at_the_next_look() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2, 3)
    crowd.size = 3
    await crowd.settle()
    assert crowd.inside == [0]
    crowd.slots.look()
    await crowd.settle()
    assert crowd.inside == [0, 1, 2]
    await crowd.leave(0, 1, 2, 3)


async def test_raised_limit_is_seen_without_anybody_looking() -> None:
    crowd = Crowd(1, look_s=0.001)
    await crowd.come(0, 1)
    crowd.size = 2
    crowd.doors[1].set()
    await asyncio.wait_for(crowd.tasks[1], 5)  # a real millisecond
    assert crowd.order == [0, 1]
    await crowd.leave(0)


async def test_who_waits_is_looked_at_again_and_again() -> None:
    asked = count()
    slots = Slots(lambda: 1 if next(asked) < 9 else 2, look_s=0.0)
    async with slots, asyncio.timeout(5), slots:
        assert slots.in_use == 2


async def test_lowered_limit_takes_effect_as_slots_come_back() -> None:
    crowd = Crowd(3)
    await crowd.come(0, 1, 2, 3)
    crowd.size = 1
    await crowd.leave(0, 1)
    assert (crowd.inside, crowd.slots.waiting) == ([2], 1)
    await crowd.leave(2)
    assert crowd.inside == [3]
    await crowd.leave(3)


async def test_limit_of_nothing_stops_everybody_until_it_grows() -> None:
    crowd = Crowd(0)
    await crowd.come(0)
    assert not crowd.inside
    crowd.size = 1
    crowd.slots.look()
    await crowd.leave(0)
    assert crowd.order == [0]


async def test_cancelled_waiter_leaves_the_line() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2)
    crowd.tasks[1].cancel()
    await crowd.settle()
    assert crowd.slots.waiting == 1
    await crowd.leave(0)
    assert crowd.inside == [2]
    await crowd.leave(2)
    assert crowd.slots.in_use == 0


async def test_slot_granted_to_one_that_is_cancelled_goes_to_the_next() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2)
    crowd.size = 2
    crowd.slots.look()
    crowd.tasks[1].cancel()
    await crowd.settle()
    assert crowd.inside == [0, 2]
    assert crowd.tasks[1].cancelled()
    await crowd.leave(0, 2)
    assert (crowd.slots.in_use, crowd.slots.waiting) == (0, 0)


async def test_one_that_is_being_cancelled_is_passed_over() -> None:
    crowd = Crowd(1)
    await crowd.come(0, 1, 2)
    crowd.tasks[1].cancel()
    crowd.size = 2
    crowd.slots.look()
    await crowd.settle()
    assert crowd.inside == [0, 2]
    await crowd.leave(0, 2)
    assert (crowd.slots.in_use, crowd.slots.waiting) == (0, 0)


async def test_exception_gives_the_slot_back() -> None:
    slots = Slots(lambda: 1)
    with pytest.raises(ValueError, match="inside"):
        async with slots:
            raise ValueError("inside")
    assert slots.in_use == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "leave", "cancel", "size", "look", "turn"]), st.integers(0, 7)
    ),
    max_size=60,
)


class Watched(Crowd):
    """A crowd that does single steps, with or without a turn of the loop between them."""

    async def step(self, action: str, number: int) -> None:
        if action == "come":
            self.doors[len(self.doors)] = asyncio.Event()
            name = len(self.tasks)
            self.tasks[name] = asyncio.create_task(self._stay(name))
        elif action == "leave" and self.inside:
            self.doors[self.inside[number % len(self.inside)]].set()
        elif action == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif action == "size":
            self.size = number
        elif action == "look":
            self.slots.look()
        else:
            await asyncio.sleep(0)


@settings(deadline=None, max_examples=300)
@given(STEPS)
async def test_no_slot_is_lost_and_no_waiter_forgotten(steps: list[tuple[str, int]]) -> None:
    crowd, largest = Watched(2), 2
    for action, number in steps:
        await crowd.step(action, number)
        largest = max(largest, crowd.size)
        assert len(crowd.inside) <= crowd.slots.in_use <= largest
    await crowd.settle()
    outside = {n for n, task in crowd.tasks.items() if not task.done()} - set(crowd.inside)
    assert len(outside) == crowd.slots.waiting
    assert min(outside, default=99) > max(crowd.order, default=-1), "somebody was overtaken"
    crowd.size = max(crowd.size, 1)
    crowd.slots.look()
    for door in crowd.doors.values():
        door.set()
    await until(lambda: all(task.done() for task in crowd.tasks.values()))
    assert sum(not task.cancelled() for task in crowd.tasks.values()) <= len(crowd.order)
    assert (crowd.slots.in_use, crowd.slots.waiting) == (0, 0)
