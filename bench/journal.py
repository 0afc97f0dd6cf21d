"""What the journal, claims and accounting cost: worker CPU per event on each store, in one run.

Three workers, each on a Kafka of its own, take the same events in turn. `memory://` does the same
work without leaving the process.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from cpu import PLENTY, events
from load import Load

from agents.simulator import SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack
from tests.redis_server import RedisServer

EVENTS, WARM_UP, ROUNDS = 1500, 300, 5
SIMULATED = SimulatorSettings(limits=PLENTY, time_to_first_token_s=0.05, tokens_per_s=2000, tail=0)
TOML = '[store]\nurl = "{url}"\n[classes.realtime]\nmax_in_flight = 50\n'
WANTED = 1.15


async def main() -> None:
    """Let each store have its turn in every round; print the median of the rounds' ratios."""
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        urls = {"memory": "memory://", "sqlite": "sqlite:journal.db", "redis": redis.url}
        try:
            await compare(Path(folder), urls)
        finally:
            redis.kill()


async def compare(folder: Path, urls: dict[str, str]) -> None:
    """Run all stores side by side."""
    async with AsyncExitStack() as exits:
        loads = {}
        for name, url in urls.items():
            own = folder / name
            own.mkdir()
            stack = Stack(own, SIMULATED, extra_toml=TOML.format(url=url))
            await exits.enter_async_context(stack)
            loads[name] = await exits.enter_async_context(Load(stack))
        done = 0
        await asyncio.gather(*(spent(load, done, WARM_UP) for load in loads.values()))
        done += WARM_UP
        ratios: dict[str, list[float]] = {name: [] for name in loads}
        for number in range(ROUNDS):
            cpu_s = {name: await spent(load, done, EVENTS) for name, load in loads.items()}
            done += EVENTS
            for name, seconds in cpu_s.items():
                ratios[name].append(seconds / cpu_s["memory"])
            told = ", ".join(f"{name} {seconds * 1e6:.0f} us" for name, seconds in cpu_s.items())
            print(f"round {number + 1}: {told} of CPU per event")
    for name, found in ratios.items():
        print(f"{name} / memory: median {median(found):.3f} (wanted: at most {WANTED})")


async def spent(load: Load, done: int, count: int) -> float:
    """Return the worker's CPU seconds per event of so many further events."""
    before = load.worker_cpu_s()
    await load.publish(WorkloadClass.REALTIME, events(done, count))
    await load.until(done + count)
    return (load.worker_cpu_s() - before) / count


if __name__ == "__main__":
    asyncio.run(main())
