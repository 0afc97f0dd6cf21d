"""Twenty seconds in which the API answers 529 to everything, under load."""

import re
from pathlib import Path

from agents.simulator import Fault, FaultKind, Limits, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.arrivals import rate
from tests.harness import QUICK, Rig, event

BATCH = WorkloadClass.BATCH
PER_S, OUTAGE_S = 40, 20
NARROW = SimulatorSettings(
    time_scale=QUICK.time_scale, limits=Limits(requests_per_minute=60 * PER_S, burst_s=2)
)
# Enough for some seconds before, and for what is measured after.
BEFORE, BACKLOG = 3 * PER_S, 25 * PER_S
# The promises: requests in an outage, and the part of the limit that is reached so soon after it.
MOST_SENT, BACK, BACK_S = 0.05, 0.9, 15


async def test_outage_is_waited_for_and_makes_lag_and_no_letters(
    broker: LocalKafka, tmp_path: Path
) -> None:
    async with Rig(tmp_path, broker.bootstrap, NARROW, "") as rig:
        worker = await rig.worker().start("--classes", BATCH)
        await rig.publish(BATCH, *(event(n) for n in range(BACKLOG)))
        await rig.outputs.until_more(BEFORE)

        began = max(entry.arrived_s for entry in rig.simulator.ledger.entries)
        ended = began + OUTAGE_S
        rig.simulator.script(Fault(FaultKind.OVERLOADED_529, until_s=ended))
        await worker.until_metric(lambda n: n == 1, "circuit_open")
        await worker.until_metric(lambda n: n > PER_S, "held_records", reason="outage")
        assert (await worker.get("/readyz"))[0] == 200

        await rig.outputs.until_ended(rig.published)
        assert rig.outputs.letters == {}
        joined = rig.join()
        assert (joined.lost, joined.double) == ((), ())
        check_requests(rig, began, ended)
        assert await worker.metric("circuit_open") == 0
        assert lines(worker.log) == ["WARNING", "INFO"]


def check_requests(rig: Rig, began: float, ended: float) -> None:
    """Few requests met the outage, and soon after it the limit is used as before."""
    entries = rig.simulator.ledger.entries
    met = [entry.arrived_s for entry in entries if entry.decision.startswith("fault")]
    assert len(met) <= MOST_SENT * OUTAGE_S * PER_S, len(met)
    assert began <= min(met) <= max(met) < ended
    arrivals = [entry.arrived_s for entry in entries]
    assert rate(arrivals, ended + BACK_S - 5, ended + BACK_S) >= BACK * PER_S


def lines(log: str) -> list[str]:
    """Return the levels of the lines about calls that fail, and are answered again."""
    return re.findall(r"(\w+) headrace: calls to \S+ (?:fail|are answered)", log)
