"""The rush from Kafka to Kafka: 3,000 events through a whole worker, 6,000 requests a minute.

The worker's own store and settings are the default ones, with and without configured limits. What
counts is the simulator's ledger: from the first admission to the last answer.
"""

import tempfile
from pathlib import Path

import uvloop
from cpu import events
from load import Load
from rush import CALLS, LIMITS

from agents.simulator import SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.stack import Stack

KNOWN = """
[[budget.limits]]
models = ["claude-haiku-5-5"]
requests_per_minute = 6000
"""


async def rush(first_token_s: float, toml: str) -> None:
    """Measure one row."""
    simulated = SimulatorSettings(
        limits=LIMITS, time_to_first_token_s=first_token_s, tokens_per_s=400, tail=0
    )
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder), simulated, extra_toml=toml) as stack, Load(stack) as load:
            await load.publish(WorkloadClass.REALTIME, events(0, CALLS))
            await load.until(CALLS)
            entries = stack.simulator.ledger.entries
    first = min(e.arrived_s for e in entries)
    took_s = max(e.finished_s for e in entries) - first
    last_s = max(e.arrived_s for e in entries) - first
    refused = sum(not e.admitted for e in entries)
    rate = LIMITS.requests_per_minute / 60
    print(
        f"worker, first token {first_token_s * 1000:5.0f} ms, limits"
        f" {'known' if toml else 'learned':7} {took_s:6.2f} s"
        f"  {CALLS / (rate * (took_s + LIMITS.burst_s)):.3f} of the capacity with its burst"
        f" ({CALLS / rate / took_s:.3f} of the rate; last request after {last_s:.2f} s),"
        f" 429s {refused}",
        flush=True,
    )


async def main() -> None:
    """Measure all rows."""
    for first_token_s in (0.12, 0.35, 1.1):
        for toml in (KNOWN, ""):
            await rush(first_token_s, toml)


if __name__ == "__main__":
    uvloop.run(main())
