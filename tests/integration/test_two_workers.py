from itertools import count

from schemas.workload import WorkloadClass
from tests.harness import Rig, at_most, event

RESTARTS, EVENTS = 6, 80
CLASSES = (WorkloadClass.REALTIME, WorkloadClass.BATCH)


async def test_one_of_two_workers_comes_and_goes_under_load(rig: Rig) -> None:
    staying = await rig.worker("staying", at_most(8)).start("--classes", ",".join(CLASSES))
    coming = rig.worker("coming", at_most(8))
    numbers = count()
    for _ in range(RESTARTS):
        await coming.start("--classes", ",".join(CLASSES))
        for workload in CLASSES:
            await rig.publish(workload, *(event(next(numbers)) for _ in range(EVENTS // 2)))
        await coming.until_metric(lambda received: received > 0, "records_received_total")
        assert await coming.end() == 0
        for workload in CLASSES:
            assert await rig.committed_without_end(workload) == []
    await rig.outputs.until_ended(rig.published)
    await rig.outputs.read_up()
    joined = rig.join()
    assert (joined.lost, joined.strangers) == ((), ())
    assert rig.outputs.letters == {}
    assert await staying.end() == 0
    assert "Traceback" not in staying.log + coming.log
