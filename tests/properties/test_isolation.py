"""Whoever comes, goes or gives up: a suspect has no company, and everybody gets in."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from streams.isolation import Isolation

MOST = 8
# By number: come, come as a suspect, leave (or give up, if it is still outside), be cancelled.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "suspect", "leave", "leave", "cancel"]),
        st.integers(0, MOST - 1),
        st.integers(0, 3),
    ),
    max_size=40,
)


class Room:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.isolation = Isolation()
        self.company = self.suspects = 0
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.leave: dict[int, asyncio.Event] = {}

    def step(self, action: str, number: int) -> None:
        known = number in self.tasks and not self.tasks[number].done()
        if action in {"come", "suspect"} and not known:
            self.leave[number] = asyncio.Event()
            stay = self._alone(number) if action == "suspect" else self._together(number)
            self.tasks[number] = asyncio.create_task(stay)
        elif action == "leave" and known:
            self.leave[number].set()
        elif action == "cancel" and known:
            self.tasks[number].cancel()

    async def _together(self, number: int) -> None:
        async with self.isolation.together():
            assert not self.suspects
            self.company += 1
            try:
                await self.leave[number].wait()
            finally:
                self.company -= 1

    async def _alone(self, number: int) -> None:
        async with self.isolation.alone():
            assert not self.suspects + self.company
            self.suspects += 1
            try:
                await self.leave[number].wait()
            finally:
                self.suspects -= 1

    async def finish(self) -> None:
        for event in self.leave.values():
            event.set()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=5)
        for task in self.tasks.values():
            assert task.cancelled() or task.exception() is None
        assert repr(self.isolation) == "Isolation(0 running, 0 want to be alone)"


@given(steps=STEPS)
async def test_suspect_has_no_company_and_everybody_gets_in(
    steps: list[tuple[str, int, int]],
) -> None:
    room = Room()
    for action, number, turns in steps:
        room.step(action, number)
        for _ in range(turns):
            await asyncio.sleep(0)
    await room.finish()
