import asyncio

from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.harness import Rig, at_most, event

EVENTS, BEFORE = 300, 50


async def test_broker_killed_and_restarted_under_load_loses_nothing(
    rig: Rig, broker: LocalKafka
) -> None:
    worker = await rig.worker("worker", at_most(8)).start()
    for workload in WorkloadClass:
        await rig.publish(workload, *(event(n) for n in range(EVENTS // len(WorkloadClass))))
    await rig.outputs.until_more(BEFORE)

    broker.kill(1)
    await worker.until_page(lambda status, text: "Kafka" in text and status == 503, "/readyz")
    await asyncio.to_thread(broker.start, 1)

    await rig.outputs.until_ended(rig.published)
    await rig.outputs.read_up()
    joined = rig.join()
    assert (joined.lost, joined.strangers) == ((), ())
    assert rig.outputs.letters == {}
    await worker.until_page(lambda status, _: status == 200, "/readyz")
    assert await worker.metric("conservation_delta") == 0
    assert await worker.end() == 0
    assert "Traceback" not in worker.log


async def test_worker_can_be_stopped_while_no_broker_is_there(rig: Rig, broker: LocalKafka) -> None:
    worker = await rig.worker("worker", {"HEADRACE_APP__DRAIN_S": "2"}, static=True).start()
    await rig.publish(WorkloadClass.REALTIME, *(event(n) for n in range(40)))
    await rig.outputs.until_more(1)
    broker.kill(1)
    try:
        assert await worker.end() == 0
    finally:
        await asyncio.to_thread(broker.start, 1)
    assert "Traceback" not in worker.log
    await worker.start()
    await rig.outputs.until_ended(rig.published)
    assert rig.outputs.letters == {}
