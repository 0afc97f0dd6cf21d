"""An outage of 120 s at full load: what goes out meanwhile, and how soon all is as before.

A whole worker, Kafka to Kafka, under 2,400 requests a minute with a burst of one second and more
events than the limit allows. For 120 s every request meets the fault; then none does. Counted by
the simulator's ledger: requests that arrive, against the limit.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvloop
from cpu import events
from load import Load

from agents.simulator import Fault, FaultKind, Limits, Simulator, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack

LIMITS = Limits(
    requests_per_minute=2_400,
    input_tokens_per_minute=10**8,
    output_tokens_per_minute=10**8,
    burst_s=1,
)
RATE = LIMITS.requests_per_minute / 60
SIMULATED = SimulatorSettings(limits=LIMITS, time_to_first_token_s=0.35, tokens_per_s=400, tail=0)
KNOWN = """
[[budget.limits]]
models = ["claude-haiku-5-5"]
requests_per_minute = 2400
"""
BEFORE_S, OUTAGE_S, AFTER_S = 15.0, 120.0, 40.0
# "Back" is this part of the limit over so long a window.
BACK, WINDOW_S, STEP_S = 0.95, 5.0, 0.25
SPARE_S = 15.0


async def outage(kind: FaultKind, seconds: float) -> None:
    """Measure one kind of fault."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), SIMULATED, extra_toml=KNOWN)
        async with stack, Load(stack) as load:
            backlog = round(RATE * (BEFORE_S + AFTER_S + SPARE_S))
            await load.publish(WorkloadClass.REALTIME, events(0, backlog))
            await load.until(round(RATE * BEFORE_S))
            began, cpu_s = time.time(), load.worker_cpu_s()
            stack.simulator.script(Fault(kind))
            await asyncio.sleep(seconds)
            held = await metric(stack, "headrace_held_records")
            stack.simulator.clear_faults()
            ended, cpu_s = time.time(), load.worker_cpu_s() - cpu_s
            await asyncio.sleep(AFTER_S)
            assert load.count() < backlog, "there was not work enough"
            await load.until(backlog)
            letters = await metric(stack, "headrace_records_dead_lettered_total")
            lines = (
                (Path(folder) / "worker.log").read_text("utf-8").count("WARNING headrace: calls")
            )
    report(stack.simulator, kind, began, ended)
    print(
        f"{kind}: held at its end {held:.0f} records, for {cpu_s / (ended - began):.3f} of a core;"
        f" dead letters {letters:.0f}, lines in the log {lines}",
        flush=True,
    )


def report(simulator: Simulator, kind: FaultKind, began: float, ended: float) -> None:
    """Print what arrived before, during and after."""
    entries = simulator.ledger.entries
    arrived = [entry.arrived_at for entry in entries]
    good = [entry.arrived_at for entry in entries if entry.decision == "admitted"]
    before = share(good, began - 10, began)
    during = share(arrived, began, ended)
    first, then = share(good, ended, ended + 20), share(good, ended + 20, ended + AFTER_S)
    print(
        f"{kind}: before {before:.3f} of the limit; {ended - began:.0f} s of it"
        f" {sum(began <= at < ended for at in arrived)} requests, {during:.4f} of the limit; back"
        f" at {BACK:.2f} after {back_s(good, ended):.2f} s; first 20 s {first:.3f}, then"
        f" {then:.3f}; 429s {simulator.ledger.totals().rejected_429}",
        flush=True,
    )


def share(arrived: Sequence[float], since: float, until: float) -> float:
    """Return the part of the limit that arrived in a time."""
    return sum(since <= at < until for at in arrived) / (until - since) / RATE


def back_s(arrived: Sequence[float], ended: float) -> float:
    """Return how long after the end the first window with enough of the limit begins."""
    after = 0.0
    while share(arrived, ended + after, ended + after + WINDOW_S) < BACK and after < AFTER_S:
        after += STEP_S
    return after


async def metric(stack: Stack, name: str) -> float:
    """Return the sum of one of the worker's metrics."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{stack.web_url}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))


async def main() -> None:
    """Measure the faults that are named; overload, if none is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", type=FaultKind, default=[FaultKind.OVERLOADED_529])
    parser.add_argument("--seconds", type=float, default=OUTAGE_S)
    told = parser.parse_args()
    for kind in told.kinds:
        await outage(kind, told.seconds)


if __name__ == "__main__":
    uvloop.run(main())
