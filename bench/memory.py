"""Resident memory of the worker in front of backlogs of 4 KB events."""

import asyncio
import tempfile
from pathlib import Path

from cpu import PLENTY
from load import Load

from agents.simulator import SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack

BACKLOGS = (10_000, 50_000, 100_000)
LOOK_S, LOOKS = 0.5, 40
SLOW = SimulatorSettings(limits=PLENTY, time_to_first_token_s=20, tokens_per_s=50, tail=0)


async def main() -> None:
    """Print the highest figure for each backlog."""
    for backlog in BACKLOGS:
        with tempfile.TemporaryDirectory() as folder:
            async with Stack(Path(folder), SLOW, extra_toml="[app]\ndrain_s = 1\n") as stack:
                await measure(stack, backlog)


async def measure(stack: Stack, backlog: int) -> None:
    """Fill the topic, then watch the worker while all its slots wait for answers."""
    async with Load(stack) as load:
        idle = load.worker_memory_mib()
        for first in range(0, backlog, 5_000):
            batch = [
                {"id": f"d-{n}", "text": f"{n} " + "x" * 4000} for n in range(first, first + 5_000)
            ]
            await load.publish(WorkloadClass.BATCH, batch)
        highest = 0.0
        for _ in range(LOOKS):
            highest = max(highest, load.worker_memory_mib())
            await asyncio.sleep(LOOK_S)
        print(
            f"backlog of {backlog:,} events of 4 KB: worker {highest:.0f} MiB resident "
            f"(idle {idle:.0f}; wanted: under 250, flat)"
        )


if __name__ == "__main__":
    asyncio.run(main())
