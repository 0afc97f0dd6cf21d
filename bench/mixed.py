"""Realtime beside a batch backlog that saturates the input limit: 1.56 M tokens a minute.

The same realtime calls, with the same latency each (the simulator's noise depends on the request
alone), once without and once beside the backlog. What counts is the wait before the call: for the
budget and in our own code.
"""

import argparse
import asyncio
import time
from random import Random

import uvloop
from api import Answered, allocation, answered, client, request, simulator
from load import percentile

from agents.claude.gateway import Gateway
from agents.simulator import Limits
from schemas.observation import Silent
from schemas.workload import WorkloadClass

LIMITS = Limits(
    requests_per_minute=10_000,
    input_tokens_per_minute=1_560_000,
    output_tokens_per_minute=2_000_000,
    burst_s=10,
)
PER_S, SEED = 5.0, 11
REALTIME_TOKENS, BATCH_TOKENS, OUTPUT_TOKENS = 300, 1300, 40
IN_FLIGHT = 400


async def run(events: int, *, backlog: bool) -> list[float]:
    """Measure one run; return the waits of the realtime calls."""
    async with simulator(LIMITS, time_to_first_token_s=0.35) as api, client(api) as sdk:
        gateway = Gateway(sdk, allocation(LIMITS), Silent())
        ended: list[Answered] = []
        tasks = [asyncio.create_task(_batch(gateway, n)) for n in range(IN_FLIGHT * backlog)]
        await asyncio.sleep(10 * backlog)  # the burst is spent first
        before, began = await api.totals(), time.monotonic()
        random, live = Random(SEED), []  # noqa: S311 - a seeded load
        for number in range(events):
            asked = request("live", number, REALTIME_TOKENS, OUTPUT_TOKENS)
            live.append(asyncio.create_task(answered(gateway, asked, WorkloadClass.REALTIME)))
            await asyncio.sleep(random.expovariate(PER_S))
        after, took_s = await api.totals(), time.monotonic() - began
        ended = await asyncio.gather(*live)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gateway.lines.stop()
    tokens = after["input_tokens"] - before["input_tokens"]
    used = tokens / (LIMITS.input_tokens_per_minute / 60 * took_s)
    waits = [e.waited_s * 1000 for e in ended]
    print(
        f"{'beside the backlog' if backlog else 'alone':20} {events} realtime events in"
        f" {took_s:.0f} s, input used {used:.3f},"
        f" 429s {after['rejected_429']}, wait p50 {percentile(waits, 0.5):.2f} ms,"
        f" p99 {percentile(waits, 0.99):.2f} ms, largest {max(waits):.1f} ms",
        flush=True,
    )
    return waits


async def _batch(gateway: Gateway, worker: int) -> None:
    number = 0
    while True:
        asked = request("bulk", worker * 100_000 + number, BATCH_TOKENS, OUTPUT_TOKENS)
        await answered(gateway, asked, WorkloadClass.BATCH)
        number += 1


async def main() -> None:
    """Measure both runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1500)
    events = parser.parse_args().events
    await run(events, backlog=False)
    await run(events, backlog=True)


if __name__ == "__main__":
    uvloop.run(main())
