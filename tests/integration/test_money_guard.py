"""A day's money is nearly spent: batch waits for tomorrow, realtime goes on."""

from pathlib import Path

import orjson
import pytest

from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.harness import PLENTY, Rig, event

BATCH, REALTIME = WorkloadClass.BATCH, WorkloadClass.REALTIME
# A few dozen events of batch; it is held from 0.8 of this.
MAX_USD = 0.001
GUARDED = f"{PLENTY}[budget]\nmax_usd_per_day = {MAX_USD}\n"
# One at a time: what is in flight when the money is spent would be paid as well.
CAREFUL = {"HEADRACE_CLASSES__BATCH__MAX_IN_FLIGHT": "1", "HEADRACE_APP__DRAIN_S": "1"}
BACKLOG, LIVE = 90, 2


async def test_batch_is_held_and_realtime_goes_on(broker: LocalKafka, tmp_path: Path) -> None:
    async with Rig(tmp_path, broker.bootstrap, toml=GUARDED) as rig:
        worker = await rig.worker("worker", CAREFUL).start("--classes", f"{REALTIME},{BATCH}")
        await rig.publish(BATCH, *(event(n) for n in range(BACKLOG)))
        await worker.until_metric(lambda n: n > 0, "held_records", workload=BATCH, reason="spend")
        await worker.until_metric(lambda n: n == 1, "alerts", kind="spend")
        live = await rig.publish(REALTIME, *(event(f"live-{n}") for n in range(LIVE)))
        await rig.outputs.until_ended(live)

        await rig.outputs.read_up()
        assert set(live) < rig.outputs.ended < set(rig.published)
        assert rig.outputs.letters == {}
        [alert] = await rig.alerts(1)
        assert (alert.kind, alert.state) == ("spend", "raised")
        assert "batch is held until 00:00 UTC" in alert.message

        assert await worker.end() == 0
        await check_money(rig)
        assert await rig.committed_without_end(BATCH) == []


async def check_money(rig: Rig) -> None:
    """What is shown was paid, and is within the maximum."""
    shown = orjson.loads((await rig.headrace("budget", "--json")).out)
    assert shown["max_usd_per_day"] == MAX_USD
    assert shown["spent_usd_today"] == pytest.approx(rig.simulator.ledger.totals().usd)
    assert 0.8 * MAX_USD <= shown["spent_usd_today"] <= MAX_USD
