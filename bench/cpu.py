"""Worker CPU per event, Kafka to Kafka, against the bare SDK call in the same run."""

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from load import Load

from agents.simulator import Limits, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack

EVENTS, WARM_UP, ROUNDS = 2000, 300, 3
PLENTY = Limits(
    requests_per_minute=1_000_000,
    input_tokens_per_minute=1_000_000_000,
    output_tokens_per_minute=1_000_000_000,
)
SIMULATED = SimulatorSettings(limits=PLENTY, time_to_first_token_s=0.05, tokens_per_s=2000, tail=0)
TOML = '[store]\nurl = "memory://"\n[classes.realtime]\nmax_in_flight = 50\n'


async def bare(url: str) -> float:
    """Return seconds of CPU of one bare call."""
    script = Path(__file__).with_name("bare_sdk.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), url, str(EVENTS), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


async def main() -> None:
    """Alternate both, print each round and the median ratio."""
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), SIMULATED, extra_toml=TOML) as stack, Load(stack) as load:
            await load.publish(WorkloadClass.REALTIME, events(0, WARM_UP))
            await load.until(WARM_UP)
            done = WARM_UP
            for number in range(ROUNDS):
                base = await bare(stack.simulator.url)
                before = load.worker_cpu_s()
                await load.publish(WorkloadClass.REALTIME, events(done, EVENTS))
                done += EVENTS
                await load.until(done)
                own = (load.worker_cpu_s() - before) / EVENTS
                ratios.append(own / base)
                print(
                    f"round {number + 1}: worker {own * 1e3:.2f} ms CPU per event, "
                    f"bare SDK call {base * 1e3:.2f} ms, ratio {own / base:.2f}"
                )
    print(
        f"worker CPU per event / bare SDK call: median {median(ratios):.2f} (wanted: at most 2.5)"
    )


def events(first: int, count: int) -> list[dict[str, object]]:
    """Return triage events."""
    return [
        {"id": f"e-{n}", "text": f"I was charged twice for order {n}, please refund me"}
        for n in range(first, first + count)
    ]


if __name__ == "__main__":
    asyncio.run(main())
