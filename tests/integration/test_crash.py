from itertools import count

from agents.simulator import Fault, FaultKind
from schemas.workload import WorkloadClass
from tests.harness import Rig, at_most, event
from tests.outputs import text

REALTIME = WorkloadClass.REALTIME
KILLS, EVENTS, ENDS_BETWEEN = 5, 80, 30


async def test_five_kills_under_load_with_a_slow_head_lose_nothing(rig: Rig) -> None:
    rig.simulator.script(Fault(FaultKind.HANG, text="the slow head"))
    await rig.publish(REALTIME, event("head", "the slow head"), partition=0)
    worker = rig.worker("worker", at_most(16), static=True)
    numbers = count()
    for _ in range(KILLS):
        await worker.start()
        await rig.publish(REALTIME, *(event(next(numbers)) for _ in range(EVENTS)))
        await rig.outputs.until_more(ENDS_BETWEEN)
        await worker.kill()
        assert await rig.committed_without_end(REALTIME) == []
    rig.simulator.clear_faults()
    await worker.start()
    await rig.outputs.until_ended(rig.published)
    await rig.outputs.read_up()
    joined = rig.join()
    assert (joined.lost, joined.strangers) == ((), ())
    assert not rig.outputs.letters
    assert joined.double, "a killed worker's finished but uncommitted records are read again"
    for source in joined.double:
        assert len({text(r, "ce_id") for r in rig.outputs.results[source]}) == 1
