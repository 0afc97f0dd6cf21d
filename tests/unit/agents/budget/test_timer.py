import asyncio

from agents.budget.timer import Timer
from tests.fakes import until


async def test_the_earliest_time_counts_and_each_setting_rings_once() -> None:
    rung: list[float] = []
    loop = asyncio.get_running_loop()
    timer = Timer(lambda: rung.append(loop.time()))
    began = loop.time()
    timer.set(began + 3600)
    timer.set(began)
    timer.set(began + 1800)
    assert "at" in repr(timer)
    await until(lambda: len(rung) == 1)
    assert repr(timer) == "Timer(not set)"
    timer.set(began)
    await until(lambda: len(rung) == 2)


async def test_a_timer_that_is_stopped_does_not_ring() -> None:
    rung: list[None] = []
    timer = Timer(lambda: rung.append(None))
    timer.set(0)
    timer.stop()
    timer.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert rung == []
