import asyncio

import pytest

from agents.claude.warmth import LARGE_TOKENS, LEAST_TOKENS, WARM_S, Warmth, is_cached
from tests.builders import MODEL
from tests.fakes import ManualClock, until

pytestmark = pytest.mark.timeout(20)  # a crowd that is left behind would wait for ever
KEY = "prefix"


class Door:
    """The callers of one prefix: those who went first, and those who followed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.warmth = Warmth(self.clock)
        self.openers, self.followers, self.came = 0, 0, 0

    def come(self) -> "asyncio.Task[None]":
        async def turn() -> None:
            self.came += 1
            if await self.warmth.turn(KEY):
                self.openers += 1
            else:
                self.followers += 1

        return asyncio.create_task(turn())

    async def crowd(self, size: int) -> list["asyncio.Task[None]"]:
        """Let so many come, and each as far as it gets."""
        before = self.came
        tasks = [self.come() for _ in range(size)]
        await until(lambda: self.came == before + size)
        return tasks

    def used(self, *, cached: bool | None = None) -> None:
        self.warmth.used(KEY, self.clock(), cached=cached)


async def test_one_goes_first_and_the_crowd_follows_its_answer() -> None:
    door = Door()
    tasks = await door.crowd(4)
    assert (door.openers, door.followers) == (1, 0)
    assert not door.warmth.is_warm(KEY)
    door.used()
    await asyncio.gather(*tasks)
    assert (door.openers, door.followers) == (1, 3)
    assert door.warmth.is_warm(KEY)


async def test_warm_prefix_holds_nobody_up() -> None:
    door = Door()
    await door.crowd(1)
    door.used(cached=True)
    await asyncio.gather(*await door.crowd(3))
    assert (door.openers, door.followers) == (1, 3)


async def test_another_goes_first_when_the_first_one_fails() -> None:
    door = Door()
    tasks = await door.crowd(3)
    door.warmth.failed(KEY)
    await until(lambda: door.openers == 2)
    assert door.followers == 0
    door.used()
    await asyncio.gather(*tasks)
    assert door.followers == 1


async def test_waiter_that_is_cancelled_holds_nobody_up() -> None:
    door = Door()
    first, gone, last = await door.crowd(3)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    door.used()
    await asyncio.gather(first, last)
    assert (door.openers, door.followers) == (1, 1)


async def test_entry_lives_from_the_start_of_the_last_call_that_used_it() -> None:
    door = Door()
    await door.crowd(1)
    door.used()
    door.clock.advance(WARM_S - 1)
    assert door.warmth.is_warm(KEY)
    door.used()
    door.warmth.used(KEY, door.clock() - 100)  # a slow answer to an earlier call
    door.clock.advance(WARM_S - 1)
    assert door.warmth.is_warm(KEY)
    door.clock.advance(1)
    assert not door.warmth.is_warm(KEY)
    first, second = await door.crowd(2)
    assert door.openers == 2
    door.used()
    await asyncio.gather(first, second)


async def test_prefix_that_is_not_cached_never_holds_anybody_up_again() -> None:
    door = Door()
    await door.crowd(1)
    door.used(cached=False)
    assert not door.warmth.is_warm(KEY)
    await asyncio.gather(*await door.crowd(2))
    door.clock.advance(2 * WARM_S)
    await asyncio.gather(*await door.crowd(2))
    assert (door.openers, door.followers) == (1, 4)


async def test_begin_of_an_answer_does_not_make_a_prefix_cached_that_is_not() -> None:
    door = Door()
    await door.crowd(1)
    door.used(cached=False)
    door.used()
    assert not door.warmth.is_warm(KEY)
    door.used(cached=True)
    assert door.warmth.is_warm(KEY)


async def test_first_call_that_hangs_does_not_hold_up_the_others_for_ever() -> None:
    warmth = Warmth(ManualClock(), patience_s=0.01)
    assert await warmth.turn(KEY)
    assert not await warmth.turn(KEY)


async def test_prefixes_are_known_apart() -> None:
    warmth = Warmth(ManualClock())
    assert [await warmth.turn("a"), await warmth.turn("b")] == [True, True]
    assert not warmth.is_warm("c")
    assert repr(warmth) == "Warmth(2 prefixes)"


@pytest.mark.parametrize(
    ("model", "least"), [(MODEL, LEAST_TOKENS), ("claude-haiku-4-5-20251001", LARGE_TOKENS)]
)
def test_short_prefixes_are_not_cached(model: str, least: int) -> None:
    assert is_cached(model, least)
    assert not is_cached(model, least - 1)
    assert not is_cached(model, 0)
