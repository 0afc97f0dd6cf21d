import asyncio
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from streams.flood import TRIAL_S, FloodBreaker
from streams.floodgate import NEWCOMER_S, Floodgate
from tests.fakes import ManualClock, until
from tests.hasty_loop import HASTY
from tests.stream_builders import failed

FEW = 4


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


class Gate:
    """A floodgate that trips at half of four ends, with a clock by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.gate = Floodgate(FloodBreaker(0.5, FEW, 60), self.clock)

    def trip(self) -> None:
        while self.gate.passes(failed()):
            pass

    def holding(self, count: int = 1) -> list[asyncio.Task[bool]]:
        return [asyncio.create_task(self.gate.verdict()) for _ in range(count)]


async def told(waiting: list[asyncio.Task[bool]]) -> list[bool]:
    """Wait for the first verdicts."""
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    return [task.result() for task in done]


def test_failures_pass_until_they_are_a_flood() -> None:
    gate = Gate().gate
    assert [gate.passes(failed()) for _ in range(FEW + 1)] == [True, True, True, False, False]
    assert gate.is_open


def test_results_keep_it_closed() -> None:
    gate = Gate().gate
    for _ in range(20):
        for _ in range(3):
            gate.succeeded(trial=False)
        assert gate.passes(failed())
    assert repr(gate) == "Floodgate(FloodBreaker(closed, 20 of 80 dead), 0 held)"


def test_expired_events_neither_count_nor_wait() -> None:
    own = Gate()
    expired = failed(Disposition.DEADLINE_EXPIRED)
    assert all(own.gate.passes(expired) for _ in range(10 * FEW))
    own.trip()
    assert own.gate.passes(expired)
    assert own.gate.is_open


def test_everybody_is_let_in_while_it_is_closed() -> None:
    gate = Gate().gate
    assert all(gate.admits() for _ in range(20))


def test_one_newcomer_is_let_in_every_ten_seconds_while_it_is_open() -> None:
    own = Gate()
    own.trip()
    assert not own.gate.admits()
    own.clock.advance(TRIAL_S - 0.1)
    assert not own.gate.admits()
    own.clock.advance(0.1)
    assert [own.gate.admits() for _ in range(3)] == [True, False, False]
    own.clock.advance(TRIAL_S)
    assert [own.gate.admits() for _ in range(3)] == [True, False, False]


async def test_held_record_is_tried_when_nobody_new_comes() -> None:
    own = Gate()
    own.trip()
    waiting = own.holding(3)
    await until(lambda: own.gate.held == 3)
    own.clock.advance(TRIAL_S)
    assert await told(waiting) == [False]
    assert own.gate.held == 2
    await asyncio.sleep(TRIAL_S)  # of the hasty loop: many looks, but its own clock stands still
    assert own.gate.held == 2
    own.clock.advance(TRIAL_S)
    await until(lambda: own.gate.held == 1)
    own.gate.reset(accept=False)
    await asyncio.wait(waiting)


async def test_newcomers_are_tried_first() -> None:
    own = Gate()
    own.trip()
    waiting = own.holding()
    await until(lambda: own.gate.held == 1)
    own.clock.advance(TRIAL_S - 1)
    assert not own.gate.admits()  # somebody asks: records still come
    own.clock.advance(1)
    await asyncio.sleep(2)
    assert not waiting[0].done()
    assert own.gate.admits()
    own.clock.advance(TRIAL_S + NEWCOMER_S)
    assert await told(waiting) == [False]


async def test_result_of_a_trial_closes_it_and_all_are_tried_again() -> None:
    own = Gate()
    own.trip()
    waiting = own.holding(3)
    await until(lambda: own.gate.held == 3)
    own.gate.succeeded(trial=True)
    assert not own.gate.is_open
    assert await asyncio.gather(*waiting) == [False] * 3
    assert own.gate.admits()
    assert own.gate.passes(failed())


async def test_result_of_a_record_begun_before_leaves_it_open() -> None:
    own = Gate()
    own.trip()
    waiting = own.holding()
    await until(lambda: own.gate.held == 1)
    own.gate.succeeded(trial=False)
    assert own.gate.is_open
    waiting[0].cancel()
    await asyncio.wait(waiting)
    assert own.gate.held == 0


@pytest.mark.parametrize("accept", [True, False])
async def test_reset_closes_it_and_decides_for_all_it_held(*, accept: bool) -> None:
    own = Gate()
    own.trip()
    waiting = own.holding(2)
    await until(lambda: own.gate.held == 2)
    own.gate.reset(accept=accept)
    assert not own.gate.is_open
    assert await asyncio.gather(*waiting) == [accept] * 2
    assert own.gate.held == 0


def test_reset_of_a_closed_one_only_counts_anew() -> None:
    own = Gate()
    for _ in range(FEW - 1):
        own.gate.passes(failed())
    own.gate.reset(accept=True)
    assert own.gate.passes(failed())
    assert not own.gate.is_open


async def test_cancelled_wait_is_not_held_any_more() -> None:
    own = Gate()
    own.trip()
    (waiting,) = own.holding()
    await until(lambda: own.gate.held == 1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert own.gate.held == 0
    own.gate.reset(accept=True)
