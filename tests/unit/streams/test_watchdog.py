import asyncio
import threading
from collections.abc import Iterable

import pytest

from streams.watchdog import (
    EXIT_STUCK,
    FETCH_PATIENCE_S,
    PATIENCE_S,
    TIMEOUTS_OF_A_STAGE,
    Sign,
    Watchdog,
)
from tests.fakes import ManualClock, until

FINE = Sign(name="batch")
REBALANCING = Sign(name="batch", rebalancing=True)
FORGOTTEN = Sign(name="batch", forgotten=True)
UNASSIGNED = Sign(name="batch", unassigned=True)
TROUBLE = Sign(name="batch", trouble="faust stopped")
TIMEOUT_S = 30.0


class Exits:
    """Where the process would end; a thread can wait for it."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.left = threading.Event()

    def __call__(self, status: int) -> None:
        self.statuses.append(status)
        self.left.set()


class Shown:
    """Signs that count how often they were looked at."""

    def __init__(self, *signs: Sign) -> None:
        self._signs, self.looks = signs, 0

    def __call__(self) -> Iterable[Sign]:
        self.looks += 1
        return self._signs


def verdicts(*looks: tuple[float, Iterable[Sign]]) -> list[str]:
    """What a watchdog says at each time, shown these signs."""
    signs: list[Sign] = []
    watchdog = Watchdog(lambda: signs, clock=ManualClock(), leave=Exits())
    said = []
    for now, shown in looks:
        signs[:] = shown
        said.append(watchdog.verdict(now))
    return said


def test_all_is_well() -> None:
    assert verdicts((0, []), (1e6, [FINE]), (2e6, [FINE, Sign(name="realtime")])) == ["", "", ""]


def test_trouble_ends_the_process_at_once() -> None:
    assert verdicts((0, [Sign(name="realtime"), TROUBLE])) == ["batch: faust stopped"]


@pytest.mark.parametrize("sign", [REBALANCING, FORGOTTEN, UNASSIGNED])
def test_state_may_last_as_long_as_patience_does(sign: Sign) -> None:
    assert verdicts((0, [sign]), (PATIENCE_S, [sign])) == ["", ""]


@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (REBALANCING, "batch: rebalancing for 121 s"),
        (FORGOTTEN, "batch: forgotten for 121 s"),
        (UNASSIGNED, "batch: a member without partitions for 121 s"),
    ],
)
def test_state_that_lasts_longer_ends_the_process(sign: Sign, why: str) -> None:
    assert verdicts((0, [sign]), (PATIENCE_S + 1, [sign]))[-1] == why


def test_state_that_ends_in_between_starts_anew() -> None:
    looks = (0, [FORGOTTEN]), (60, [FINE]), (61, [FORGOTTEN]), (180, [FORGOTTEN])
    assert verdicts(*looks) == [""] * 4


def test_state_of_one_processor_is_not_that_of_another() -> None:
    other = Sign(name="realtime", rebalancing=True)
    assert verdicts((0, [REBALANCING]), (121, [FINE, other]), (180, [FINE, other])) == [""] * 3


def test_change_of_state_starts_anew() -> None:
    assert verdicts((0, [REBALANCING]), (121, [FORGOTTEN])) == ["", ""]


def starved(delivered: int) -> Sign:
    return Sign(name="batch", starved=True, delivered=delivered)


def test_records_that_are_not_fetched_end_the_process_after_minutes() -> None:
    looks = (0, [starved(7)]), (FETCH_PATIENCE_S, [starved(7)]), (301, [starved(7)])
    assert verdicts(*looks) == ["", "", "batch: nothing fetched after 7 records for 301 s"]


def test_backlog_that_is_worked_off_slowly_is_not_starved() -> None:
    assert verdicts(*((200 * n, [starved(n)]) for n in range(10))) == [""] * 10


def staged(stage_s: float, timeout_s: float = TIMEOUT_S) -> Sign:
    return Sign(name="batch", stage_s=stage_s, timeout_s=timeout_s)


def test_record_that_makes_no_progress_ends_the_process() -> None:
    bound_s = PATIENCE_S + TIMEOUTS_OF_A_STAGE * TIMEOUT_S
    assert verdicts((0, [staged(bound_s)]), (1, [staged(bound_s + 1)])) == [
        "",
        "batch: a record stuck for 211 s",
    ]


def test_class_with_long_calls_may_take_longer() -> None:
    assert verdicts((0, [staged(600.0, 600.0)]), (0, [staged(1900.0, 600.0)])) == ["", ""]


def test_class_without_a_timeout_is_never_stuck() -> None:
    assert verdicts((0, [staged(1e6, 0.0)])) == [""]


async def test_process_leaves_with_a_status_when_stuck(caplog: pytest.LogCaptureFixture) -> None:
    exits = Exits()
    task = asyncio.create_task(Watchdog(lambda: [TROUBLE], leave=exits).run())
    await until(lambda: exits.statuses == [EXIT_STUCK])
    await stopped(task)
    assert "batch: faust stopped" in caplog.text


async def test_loop_that_turns_lets_the_process_live() -> None:
    exits, clock = Exits(), ManualClock()
    shown = Shown(FINE)
    task = asyncio.create_task(Watchdog(shown, clock=clock, leave=exits).run())
    await until(lambda: shown.looks == 1)
    await stopped(task)
    assert exits.statuses == []


async def test_thread_ends_the_process_when_the_loop_is_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exits, clock = Exits(), ManualClock()
    shown = Shown(FINE)
    dog = Watchdog(shown, clock=clock, leave=exits, look_s=0.01)
    task = asyncio.create_task(dog.run())
    await until(lambda: shown.looks == 1)
    assert exits.left.wait(10)  # this very wait is what stops the loop
    assert exits.statuses[0] == EXIT_STUCK
    await stopped(task)
    assert "the event loop is stuck" in caplog.text


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel the watchdog and wait until its thread is gone."""
    task.cancel()
    await asyncio.wait([task], timeout=5)
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(5)
            assert not thread.is_alive()
