"""Faults of the worker processes."""

import signal
import time
from http import HTTPStatus
from pathlib import Path

from agents.simulator import Fault as Scripted
from agents.simulator import FaultKind
from tests.chaos import crash_worker
from tests.chaos.cast import Cast
from tests.chaos.crew import Member
from tests.chaos.fault import Blow, Fault

STORM_S = 24.0
FROZEN_S = 15.0  # the session ends after 10 s
KILLS = 20
SLOW_CALL_S = 14.0
PASSED_S = 40.0
LOOK_S = 0.1
CRASHING = Cast(static=True, program=(str(Path(crash_worker.__file__)),))


async def rebalance_storm(blow: Blow) -> list[str]:
    """Workers come and go every 2 to 5 s under load."""
    crew, left_s = blow.arena.crew, STORM_S
    while left_s > 0:
        member = blow.draw.choice(crew.members[1:])
        pause_s = blow.draw.uniform(2, 5)
        left_s -= pause_s
        if member.runs:
            await member.end()
        else:
            await member.launch()
        await blow.arena.for_s(pause_s)
    for member in crew.members:
        if not member.runs:
            await member.launch()
    await crew.until_ready()
    return []


async def slow_handler(blow: Blow) -> list[str]:
    """A third of the answers takes longer than the consumer's session, for a while."""
    slow = Scripted(FaultKind.HANG, rate=0.3, delay_s=SLOW_CALL_S, times=60)
    blow.arena.simulator.script(slow)
    await blow.arena.for_s(2 * SLOW_CALL_S)
    blow.arena.simulator.clear_faults()
    return []


async def frozen(blow: Blow) -> list[str]:
    """SIGSTOP a worker until others have its partitions, then SIGCONT."""
    member = blow.draw.choice(blow.arena.crew.members)
    blow.arena.crew.lost_calls()
    member.send(signal.SIGSTOP)
    try:
        await blow.arena.for_s(FROZEN_S)
    finally:
        member.send(signal.SIGCONT)
    await member.ready()
    return []


async def killed(blow: Blow) -> list[str]:
    """Kill -9 a worker at a random point and start it again, 20 times."""
    return await kill_often(blow, KILLS)


async def kill_often(blow: Blow, times: int) -> list[str]:
    """Kill one worker after the other."""
    crew = blow.arena.crew
    for _ in range(times):
        await blow.arena.for_s(blow.draw.uniform(0.5, 3))
        member = await _anybody_ready(blow)
        await crew.kill(member)
        await member.launch()
    await crew.until_ready()
    return []


async def _anybody_ready(blow: Blow) -> Member:
    """Wait until one of them is ready; return the first in a drawn order."""
    crew = blow.arena.crew
    while True:
        for member in blow.draw.sample(crew.members, len(crew.members)):
            if (await member.get("/readyz"))[0] == HTTPStatus.OK:
                return member
        await blow.arena.for_s(LOOK_S)


async def crash_points(blow: Blow) -> list[str]:
    """A worker dies right after each effect: claim, answer, journal, publish, done, commit."""
    crew, missed = blow.arena.crew, []
    async with crew.supervised():
        for point in crash_worker.POINTS:
            member = blow.draw.choice(crew.members)
            before, orders = crew.deaths, crash_worker.orders_of(member.config)
            orders.write_text(point, "utf-8")
            give_up = time.monotonic() + PASSED_S
            while crew.deaths == before and time.monotonic() < give_up:
                await blow.arena.for_s(0.05)
            if crew.deaths == before:
                missed.append(f"{point!r} not passed in {PASSED_S:.0f} s: {await _state(member)}")
            orders.unlink(missing_ok=True)
            await blow.arena.for_s(1)
            await crew.until_ready()
    return missed


async def _state(member: Member) -> str:
    """Say what a worker does that seems to do nothing."""
    names = ("inflight_records", "held_records", "uncommitted_records", "consumer_lag_records")
    counts = [f"{name} {await member.metric(name):.0f}" for name in names]
    status, said = await member.get("/readyz")
    return f"{member.name}, {status} {said.strip()}, {', '.join(counts)}"


async def killed_for_good(blow: Blow) -> list[str]:
    """Kill -9 a worker; the others take over without it, it comes back later."""
    crew = blow.arena.crew
    member = blow.draw.choice(crew.members)
    await crew.kill(member)
    await blow.arena.for_s(20)
    await member.launch()
    await crew.until_ready()
    return []


async def short_grace(blow: Blow) -> list[str]:
    """SIGTERM with a grace of 1 s while calls take 4 s, three times."""
    crew = blow.arena.crew
    problems = []
    for member in crew.members:
        slow = Scripted(FaultKind.HANG, rate=0.5, delay_s=4)
        blow.arena.simulator.script(slow)
        await blow.arena.for_s(3)
        began = time.time()
        status = await member.end()
        crew.lost_calls(began)
        blow.arena.simulator.clear_faults()
        problems += [f"{member.name} ended with {status}"] if status else []
        await member.start()
    return problems


FAULTS = (
    Fault(name="rebalance-storm", strike=rebalance_storm, recover_s=30),
    Fault(name="slow-handler", strike=slow_handler, cast=Cast(timeout_s=40), settle_s=90),
    Fault(name="worker-frozen", strike=frozen, recover_s=30),
    Fault(name="worker-killed", strike=killed_for_good, recover_s=30),
    Fault(name="worker-killed-20-times", strike=killed, cast=Cast(static=True), recover_s=30),
    Fault(name="crash-points", strike=crash_points, cast=CRASHING, recover_s=30),
    Fault(name="short-grace", strike=short_grace, cast=Cast(drain_s=1, timeout_s=20), recover_s=30),
)
