import asyncio

from streams.isolation import Isolation
from tests.fakes import until


class Room:
    """An isolation, and who came in, in order. Whoever is inside stays until let go."""

    def __init__(self) -> None:
        self.isolation = Isolation()
        self.inside: set[str] = set()
        self.order: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def comes(self, *names: str, alone: bool = False) -> None:
        for name in names:
            self._leave[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._stay(name, alone=alone))

    async def _stay(self, name: str, *, alone: bool) -> None:
        async with self.isolation.alone() if alone else self.isolation.together():
            assert not (alone and self.inside)
            self.inside.add(name)
            self.order.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def holds(self, *names: str) -> None:
        """Wait until these are inside, and let the others show that they do not come."""
        await until(lambda: self.inside == set(names))
        for _ in range(5):
            await asyncio.sleep(0)
        assert self.inside == set(names)

    def goes(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()

    async def cancelled(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])


async def test_all_run_side_by_side() -> None:
    room = Room()
    room.comes("a", "b", "c")
    await room.holds("a", "b", "c")
    room.goes("a", "b", "c")
    await room.holds()


async def test_suspect_waits_for_the_others_and_keeps_newcomers_out() -> None:
    room = Room()
    room.comes("a", "b")
    await room.holds("a", "b")
    room.comes("suspect", alone=True)
    room.comes("late")
    await room.holds("a", "b")
    assert repr(room.isolation) == "Isolation(2 running, 1 want to be alone)"
    room.goes("a")
    await room.holds("b")
    room.goes("b")
    await room.holds("suspect")
    room.goes("suspect")
    await room.holds("late")
    room.goes("late")
    await room.holds()
    assert repr(room.isolation) == "Isolation(0 running, 0 want to be alone)"


async def test_between_two_suspects_those_go_in_who_wait_by_then() -> None:
    room = Room()
    room.comes("s-1", "s-2", alone=True)
    room.comes("early", "early too")
    await room.holds("s-1")
    room.goes("s-1")
    await room.holds("early", "early too")
    room.comes("late")
    await room.holds("early", "early too")  # the second suspect has its turn before
    room.goes("early", "early too")
    await room.holds("s-2")
    room.goes("s-2")
    await room.holds("late")
    assert room.order == ["s-1", "early", "early too", "s-2", "late"]
    room.goes("late")


async def test_suspects_without_company_go_one_after_the_other() -> None:
    room = Room()
    room.comes("s-1", "s-2", alone=True)
    await room.holds("s-1")
    room.goes("s-1")
    await room.holds("s-2")
    room.goes("s-2")


async def test_one_at_the_door_who_is_cancelled_keeps_no_suspect_waiting() -> None:
    room = Room()
    room.comes("s-1", "s-2", alone=True)
    room.comes("a", "b")
    await room.holds("s-1")
    room.goes("s-1")
    await room.cancelled("a")
    await room.holds("b")
    room.goes("b")
    await room.holds("s-2")
    room.goes("s-2")


async def test_newcomer_does_not_overtake_those_who_waited() -> None:
    room = Room()
    room.comes("suspect", alone=True)
    await room.holds("suspect")
    room.comes("a", "b")
    await room.holds("suspect")
    room.goes("suspect")
    room.comes("c")  # its first step is in the same turn of the loop in which the door opens
    await until(lambda: len(room.inside) == 3)
    assert room.order == ["suspect", "a", "b", "c"]
    room.goes("a", "b", "c")


async def test_suspect_that_is_cancelled_lets_the_others_in() -> None:
    room = Room()
    room.comes("a")
    await room.holds("a")
    room.comes("suspect", alone=True)
    room.comes("late")
    await room.holds("a")
    await room.cancelled("suspect")
    await room.holds("a", "late")
    room.goes("a", "late")


async def test_suspect_that_is_cancelled_inside_lets_the_next_in() -> None:
    room = Room()
    room.comes("s-1", "s-2", alone=True)
    await room.holds("s-1")
    await room.cancelled("s-1")
    await room.holds("s-2")
    room.goes("s-2")


async def test_one_that_is_cancelled_at_the_door_is_not_counted() -> None:
    room = Room()
    room.comes("suspect", alone=True)
    await room.holds("suspect")
    room.comes("a", "b")
    await room.holds("suspect")
    await room.cancelled("a")
    room.goes("suspect")
    await room.holds("b")
    room.comes("another", alone=True)
    room.goes("b")
    await room.holds("another")
    room.goes("another")
