import time

from agents.simulator import Fault, FaultKind
from schemas.workload import WorkloadClass
from tests.harness import PARTITIONS, Rig, at_most, event
from tests.worker_process import WorkerProcess

DRAIN_S = 6
# Leaving the groups and closing connections come after the drain.
LEAVING_S = 5
EVENTS = 240


async def stop(worker: WorkerProcess) -> float:
    """Return how long a clean stop took."""
    began = time.monotonic()
    assert await worker.end() == 0
    return time.monotonic() - began


async def test_stop_under_load_ends_in_time_and_loses_nothing(rig: Rig) -> None:
    worker = rig.worker("worker", at_most(8) | {"HEADRACE_APP__DRAIN_S": str(DRAIN_S)})
    await worker.start()
    await rig.publish(WorkloadClass.REALTIME, *(event(n) for n in range(EVENTS)))
    await rig.outputs.until_more(EVENTS // 8)
    assert await stop(worker) < DRAIN_S + LEAVING_S
    assert await rig.committed_without_end(WorkloadClass.REALTIME) == []
    ended = len(rig.outputs.ended)
    assert ended < EVENTS, "the stop came in the middle"
    assert sum((await rig.committed(WorkloadClass.REALTIME)).values()) == ended

    await worker.start()
    await rig.outputs.until_ended(rig.published)
    await rig.outputs.read_up()
    assert rig.join().lost == rig.join().double == ()
    assert await stop(worker) < DRAIN_S + LEAVING_S
    assert sum((await rig.committed(WorkloadClass.REALTIME)).values()) == EVENTS
    assert "Traceback" not in worker.log


async def test_calls_longer_than_the_drain_are_given_up_and_read_again(rig: Rig) -> None:
    rig.simulator.script(Fault(FaultKind.HANG, text="takes for ever"))
    worker = await rig.worker("worker", {"HEADRACE_APP__DRAIN_S": "1"}).start()
    slow = [event(n, "takes for ever") for n in range(PARTITIONS)]
    await rig.publish(WorkloadClass.REALTIME, *slow)
    await worker.until_metric(lambda n: n == len(slow), "inflight_records", workload="realtime")
    assert await stop(worker) < 1 + LEAVING_S
    assert f"gave up {len(slow)} records" in worker.log
    rig.simulator.clear_faults()
    await worker.start()
    await rig.outputs.until_ended(rig.published)
    assert rig.outputs.letters == {}


async def test_pages_of_a_worker_at_work(rig: Rig) -> None:
    worker = await rig.worker("worker", at_most(4)).start()
    await rig.publish(WorkloadClass.BATCH, *(event(n) for n in range(80)))
    await rig.publish(WorkloadClass.REALTIME, b"no event")
    assert await worker.get("/healthz") == (200, "ok\n")
    assert await worker.get("/readyz") == (200, "ok\n")
    deltas = set()
    while len(rig.outputs.ended) < len(rig.published):
        await rig.outputs.until_more(1)
        deltas.add(await worker.metric("conservation_delta"))
    assert deltas == {0}
    await worker.until_metric(lambda n: n == 0, "uncommitted_records")
    assert await worker.metric("records_received_total") == len(rig.published)
    assert await worker.metric("records_completed_total", outcome="completed") == 80
    assert await worker.metric("records_dead_lettered_total", disposition="UNDECODABLE") == 1
    assert await worker.metric("event_duration_seconds_count", workload="batch") == 80
    assert await worker.metric("claude_requests_total", status="200") == 80
    assert await worker.metric("claude_tokens_total", kind="output") > 0
    assert await worker.metric("budget_limit", unit="requests") == 4000
    assert await worker.metric("consumer_lag_records") == 0
