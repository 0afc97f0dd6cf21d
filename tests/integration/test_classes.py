"""A class with more work than it can do does not keep another waiting."""

from pathlib import Path

import pytest

from agents.simulator import Fault, FaultKind, Limits, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.harness import QUICK, Rig, at_most, event
from tests.outputs import body

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
BACKLOG, EVENTS = 200, 30
# What a busy machine may add; the ratio to an unloaded worker is measured in bench/.
SLACK_MS = 1000


async def delays_ms(rig: Rig) -> list[float]:
    """Send events one after another; return how long each took beside its call."""
    found = []
    for number in range(EVENTS):
        [source] = await rig.publish(REALTIME, event(f"live-{number}"))
        await rig.outputs.until_ended([source])
        [result] = rig.outputs.results[source]
        timing = body(result)["timing"]
        found.append(timing["total_ms"] - timing["claude_ms"])
    return found


def open_batch(rig: Rig) -> int:
    return sum(source[0] == rig.names.input(BATCH) for source in rig.join().lost)


async def test_realtime_goes_through_while_batch_fills_all_its_places(rig: Rig) -> None:
    rig.simulator.script(Fault(FaultKind.HANG, text="slow document", delay_s=2))
    worker = await rig.worker("worker", at_most(8)).start()
    await rig.publish(BATCH, *(event(n, "slow document") for n in range(BACKLOG)))
    await worker.until_metric(lambda n: n == 16, "inflight_records", workload="batch")
    assert max(await delays_ms(rig)) < SLACK_MS
    assert open_batch(rig) > BACKLOG // 2
    assert await worker.metric("conservation_delta") == 0


@pytest.fixture
def narrow() -> SimulatorSettings:
    limits = Limits(requests_per_minute=1200, burst_s=1)
    return SimulatorSettings(time_scale=QUICK.time_scale, tail=0, limits=limits)


async def test_realtime_goes_first_when_the_budget_is_the_limit(
    broker: LocalKafka, tmp_path: Path, narrow: SimulatorSettings
) -> None:
    async with Rig(tmp_path, broker.bootstrap, narrow, toml="") as rig:
        await rig.worker().start()
        await rig.publish(BATCH, *(event(n) for n in range(2 * BACKLOG)))
        await rig.outputs.until_more(1)
        assert max(await delays_ms(rig)) < SLACK_MS
        assert open_batch(rig) > 0
        assert rig.simulator.ledger.totals().early_retries == 0
