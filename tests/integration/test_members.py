"""Workers of one Kafka group that do not share one store."""

import asyncio

from schemas.workload import WorkloadClass
from streams.members import members
from tests import impatient_worker
from tests.harness import Rig, event
from tests.worker_process import WorkerProcess

BATCH, REALTIME = WorkloadClass.BATCH, WorkloadClass.REALTIME
LIMIT = 4000


async def until_limit(rig: Rig, limit: int, *workers: WorkerProcess) -> None:
    """Wait until the workers keep to this limit; a call each is what makes them ask for it."""
    await rig.publish(BATCH, *(event(f"{limit}-{n}") for n in range(20)))
    for worker in workers:
        await worker.until_metric(lambda n: n == limit, "budget_limit", unit="requests")


async def test_two_stores_in_one_group_are_told_and_share_the_limit(rig: Rig) -> None:
    one, other = (
        rig.worker(
            name,
            {"HEADRACE_STORE__URL": f"sqlite:{name}.db"},
            program=[impatient_worker.__file__],
        )
        for name in ("one", "other")
    )
    await asyncio.gather(one.start(), other.start())
    await until_limit(rig, LIMIT // 2, one, other)
    for worker in (one, other):
        assert await worker.metric("alerts", kind="members") == 1
    alerts = await rig.alerts(2)
    assert [(alert.kind, alert.state) for alert in alerts] == 2 * [("members", "raised")]
    assert "the Kafka groups have 2 workers, this store knows 1" in alerts[0].message

    counted = await members(rig.settings, [f"{rig.name}.{BATCH}", f"{rig.name}.{REALTIME}"])
    assert counted == {f"{rig.name}.{BATCH}": 2, f"{rig.name}.{REALTIME}": 0}

    assert await other.end() == 0
    await until_limit(rig, LIMIT, one)
    await rig.outputs.until_ended(rig.published)
    assert rig.outputs.letters == {}
