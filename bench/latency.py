"""Added latency at 50 events/s, and realtime p99 beside a saturated batch backlog."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import mean, median

from cpu import PLENTY, events
from load import Ended, Load, percentile

from agents.simulator import SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack

RATE, COUNT, WARM_UP = 50, 1500, 300
LIVE_RATE, LIVE_COUNT = 10, 300
BACKLOG = 6000
SIMULATED = SimulatorSettings(limits=PLENTY, time_to_first_token_s=0.35, tokens_per_s=100, tail=0)
# The batch class is saturated (50 slots, a queue of thousands), the processor is not.
TOML = '[store]\nurl = "memory://"\n[classes.batch]\nmax_in_flight = 50\n'


async def main() -> None:
    """Print both figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), SIMULATED, extra_toml=TOML) as stack, Load(stack) as load:
            await load.publish(WorkloadClass.REALTIME, events(0, WARM_UP))
            await load.until(WARM_UP)
            await added(load)
            await backlog(load)


async def added(load: Load) -> None:
    """Read to published, less the call's own time."""
    found = await paced(load, "a", RATE, COUNT)
    spent = [e.total_ms - e.claude_ms for e in found]
    # `total_ms` ends just before publishing; the broker's word comes this much later.
    published = mean(1000 * (e.ended_at - e.published_at) - e.total_ms for e in found)
    print(
        f"added latency at {RATE} events/s: p50 {median(spent):.1f} ms, "
        f"p99 {percentile(spent, 0.99):.1f} ms (wanted: under 10 and 50); "
        f"Kafka in and out {published:.1f} ms on average"
    )


async def backlog(load: Load) -> None:
    """Realtime p99 alone and beside a batch backlog; the same texts have the same call times."""
    alone = await paced(load, "b", LIVE_RATE, LIVE_COUNT)
    texts = [
        {"id": f"d-{n}", "text": f"Call note {n}. " + "all is well. " * 100} for n in range(BACKLOG)
    ]
    await load.publish(WorkloadClass.BATCH, texts)
    await load.until(100, WorkloadClass.BATCH)
    beside = await paced(load, "c", LIVE_RATE, LIVE_COUNT)
    left = BACKLOG - load.count(WorkloadClass.BATCH)
    first, second = (percentile([e.total_ms for e in run], 0.99) for run in (alone, beside))
    print(
        f"realtime p99: alone {first:.0f} ms, beside a batch backlog {second:.0f} ms, "
        f"ratio {second / first:.3f} (wanted: at most 1.1); batch records still waiting: {left}"
    )


async def paced(load: Load, prefix: str, rate: int, count: int) -> list[Ended]:
    """Publish realtime events at a steady rate and return their results."""
    before = load.count(WorkloadClass.REALTIME)
    began = time.monotonic()
    for number, event in enumerate(events(0, count)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await load.publish_one(WorkloadClass.REALTIME, event | {"id": f"{prefix}-{number}"})
    await load.until(before + count, WorkloadClass.REALTIME)
    return load.of(WorkloadClass.REALTIME)[before:]


if __name__ == "__main__":
    asyncio.run(main())
