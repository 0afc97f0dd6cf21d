"""Three workers and one Redis: the same works as one worker, and Redis killed for 20 s.

Each worker is a process of its own. Its CPU is measured from the first to the last grant, so that
the price of a reservation through Redis is known.
"""

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from api import Api, allocation, answered, client, request, simulator
from load import percentile
from mixed import LIMITS as MIXED
from rush import CALLS
from rush import LIMITS as RUSH

from agents.budget.shelter import Shelter
from agents.claude.gateway import Gateway
from agents.simulator import Limits
from agents.store.redis import RedisStore
from schemas.observation import Silent
from schemas.workload import WorkloadClass
from tests.redis_server import RedisServer

WORKERS = 3
BEAT_S = 1.0
Job = Callable[[Gateway, int], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a worker process is told."""

    api: str
    redis: str
    limits: Limits
    number: int
    job: str


async def rush(gateway: Gateway, number: int) -> dict[str, Any]:
    """Make this worker's part of 3,000 small calls."""
    mine = range(number, CALLS, WORKERS)
    calls = [request("small", n, 60, 8) for n in mine]
    await asyncio.gather(*(answered(gateway, call, WorkloadClass.BATCH) for call in calls))
    return {"calls": len(calls)}


async def steady(gateway: Gateway, number: int, seconds: float = 70) -> dict[str, Any]:
    """Keep more small calls waiting than the limit allows."""

    async def work(place: int) -> None:
        for n in range(10**6):
            asked = request("small", (number * 1000 + place) * 10**6 + n, 60, 8)
            await answered(gateway, asked, WorkloadClass.BATCH)

    tasks = [asyncio.create_task(work(place)) for place in range(150)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {}


async def mixed(gateway: Gateway, number: int) -> dict[str, Any]:
    """Realtime calls beside a batch backlog in every worker."""

    async def bulk(place: int) -> None:
        for n in range(10**6):
            asked = request("bulk", (number * 1000 + place) * 10**6 + n, 1300, 40)
            await answered(gateway, asked, WorkloadClass.BATCH)

    tasks = [asyncio.create_task(bulk(place)) for place in range(150)]
    await asyncio.sleep(10)
    random, live = Random(number), []  # noqa: S311 - a seeded load
    for n in range(500):
        asked = request("live", number * 10**6 + n, 300, 40)
        live.append(asyncio.create_task(answered(gateway, asked, WorkloadClass.REALTIME)))
        await asyncio.sleep(random.expovariate(5 / WORKERS))
    waits = [row.waited_s * 1000 for row in await asyncio.gather(*live)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"waits": waits}


JOBS: dict[str, Job] = {"rush": rush, "steady": steady, "mixed": mixed}


def worker(pipe: Connection, told: Told) -> None:
    """Run one worker process."""

    async def run() -> None:
        store = RedisStore(told.redis, "bench")
        await store.start()
        shelter = Shelter(store, time.monotonic)
        async with client(Api(told.api)) as sdk:
            name = f"worker-{told.number}"
            await sdk.warm(8)  # as the worker does before it takes records
            gateway = Gateway(sdk, allocation(told.limits), Silent(), leases=shelter, worker=name)
            await shelter.beat(gateway.lines.report(()), 0)
            beating = asyncio.create_task(_beat(gateway, shelter))
            await asyncio.to_thread(pipe.recv)
            cpu_s = time.process_time()
            result = await JOBS[told.job](gateway, told.number)
            pipe.send({"cpu_s": time.process_time() - cpu_s, **result})
            beating.cancel()
            gateway.lines.stop()
        await store.stop()

    uvloop.run(run())


async def _beat(gateway: Gateway, shelter: Shelter) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        await shelter.beat(gateway.lines.report(()), 0)


@asynccontextmanager
async def workers(
    api: Api, redis: str, limits: Limits, job: str
) -> AsyncIterator[list[Connection]]:
    """Start the worker processes, all ready to begin."""
    context = multiprocessing.get_context("spawn")
    processes, pipes = [], []
    for number in range(WORKERS):
        ours, theirs = context.Pipe()
        told = Told(api=api.url, redis=redis, limits=limits, number=number, job=job)
        process = context.Process(target=worker, args=(theirs, told), daemon=True)
        process.start()
        processes.append(process)
        pipes.append(ours)
    await asyncio.sleep(8)  # all imports are done
    for pipe in pipes:
        pipe.send("go")
    yield pipes
    for process in processes:
        await asyncio.to_thread(process.join, 10)


async def ends(pipes: list[Connection]) -> list[dict[str, Any]]:
    """Wait for the results of all workers."""
    return list(await asyncio.gather(*(asyncio.to_thread(pipe.recv) for pipe in pipes)))


async def run_rush(redis: RedisServer) -> None:
    """3,000 small calls, by three workers."""
    for first_token_s in (0.12, 0.35, 1.1):
        async with simulator(RUSH, time_to_first_token_s=first_token_s, tail=0) as api:
            async with workers(api, redis.url, RUSH, "rush") as pipes:
                began = time.monotonic()
                await ends(pipes)
                took_s = time.monotonic() - began
            totals = await api.totals()
        capacity = RUSH.requests_per_minute / 60 * (took_s + RUSH.burst_s)
        print(
            f"three workers, first token {first_token_s * 1000:5.0f} ms: {took_s:.2f} s,"
            f" {CALLS / capacity:.3f} of the capacity with its burst"
            f" ({CALLS / took_s / 100:.3f} of the rate), 429s {totals['rejected_429']}",
            flush=True,
        )


async def run_mixed(redis: RedisServer) -> None:
    """Make realtime calls beside a saturating backlog, in three workers."""
    async with (
        simulator(MIXED, time_to_first_token_s=0.35) as api,
        workers(api, redis.url, MIXED, "mixed") as pipes,
    ):
        await asyncio.sleep(15)
        before, began = await api.totals(), time.monotonic()
        await asyncio.sleep(60)
        after, took_s = await api.totals(), time.monotonic() - began
        results = await ends(pipes)
        totals = await api.totals()
    used = (after["input_tokens"] - before["input_tokens"]) / took_s / 26_000
    waits = [wait for result in results for wait in result["waits"]]
    print(
        f"three workers, batch saturates: input used {used:.3f}, 429s {totals['rejected_429']} of"
        f" {totals['requests']}, {len(waits)} realtime waits p50 {percentile(waits, 0.5):.2f} ms,"
        f" p99 {percentile(waits, 0.99):.2f} ms",
        flush=True,
    )


async def run_outage(redis: RedisServer) -> None:
    """Redis killed for 20 s under load."""
    limits = replace(RUSH, burst_s=10)
    async with simulator(limits, time_to_first_token_s=0.35, tail=0) as api:
        async with workers(api, redis.url, limits, "steady") as pipes:
            await asyncio.sleep(20)
            redis.kill()
            killed = time.time()
            await asyncio.sleep(20)
            redis.start()
            back = time.time()
            await ends(pipes)
        entries = await api.ledger()
    for name, first, last in (
        ("before", killed - 10, killed),
        ("Redis away", killed, back),
        ("first 10 s after", back, back + 10),
        ("next 15 s", back + 10, back + 25),
    ):
        rows = [e for e in entries if first <= e["arrived_at"] < last]
        rate = len(rows) / (last - first) / 100
        refused = sum(e["status"] == 429 for e in rows)  # noqa: PLR2004 - the HTTP status
        print(f"{name:17} {rate:.3f} of the limit arrived, 429s {refused}", flush=True)


async def main() -> None:
    """Measure all parts, or those named."""
    parts = {"rush": run_rush, "mixed": run_mixed, "outage": run_outage}
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*parts, []])
    for part in parser.parse_args().parts or parts:
        with TemporaryDirectory() as folder:
            redis = RedisServer(Path(folder))
            redis.start()
            try:
                await parts[part](redis)
            finally:
                redis.kill()


if __name__ == "__main__":
    uvloop.run(main())
