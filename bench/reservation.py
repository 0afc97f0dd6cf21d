"""What a reservation and its settlement cost: CPU time of this process, for each store.

One worker, so many calls at once, each of which reserves, waits nothing, and settles. Redis runs in
a process of its own; what its client costs here is counted, its own work is not.
"""

import asyncio
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import uvloop

from agents.budget.budget import Budget
from agents.budget.leases import Leases
from agents.budget.line import Line
from agents.store.memory import MemoryStore
from agents.store.redis import RedisStore
from agents.store.sqlite import SqliteStore
from schemas.lease import Rules
from tests.redis_server import RedisServer

PER_S, SECONDS, IN_FLIGHT_S = 300.0, 10.0, 0.2
NEED = [1.0, 500.0, 60.0]
USED = [1.0, 480.0, 40.0]


async def cost(name: str, store: Leases, ceilings: list[float]) -> None:
    """Measure one store under calls that come at random."""
    budget = Budget(["model"], Rules(ceilings=ceilings))
    line = Line(budget, store, time.monotonic)
    done, random = 0, Random(5)  # noqa: S311 - a seeded load

    async def call() -> None:
        nonlocal done
        reservation = await line.wait(NEED, 3, 0.0)
        assert reservation is not None
        await asyncio.sleep(IN_FLIGHT_S)
        line.settle(reservation, USED)
        done += 1

    async def nothing() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(IN_FLIGHT_S)

    costs = []
    for work in (nothing, call):
        tasks, cpu_s, began = set(), time.process_time(), time.monotonic()
        while time.monotonic() - began < SECONDS:
            tasks.add(asyncio.create_task(work()))
            await asyncio.sleep(random.expovariate(PER_S))
        count = len(tasks)
        await asyncio.wait(tasks, timeout=30)
        costs.append((time.process_time() - cpu_s) / count)
    line.stop()
    print(
        f"{name:24} {1e6 * (costs[1] - costs[0]):6.1f} us of CPU a call at {PER_S:.0f} calls a"
        f" second ({done} calls)",
        flush=True,
    )


async def main() -> None:
    """Measure all stores, with enough for all and with a line that waits."""
    with TemporaryDirectory() as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        try:
            for name, per_minute in (("enough", 60_000.0), ("saturated", PER_S * 60 * 0.95)):
                ceilings = [per_minute, 10.0**9, 10.0**9]
                for kind, store in (
                    ("memory", MemoryStore()),
                    ("sqlite", SqliteStore(f"sqlite:{folder}/{name}.db", "bench")),
                    ("redis", RedisStore(redis.url, name)),
                ):
                    await store.start()
                    await cost(f"{kind}, {name}", store, ceilings)
                    await store.stop()
        finally:
            redis.kill()


if __name__ == "__main__":
    uvloop.run(main())
