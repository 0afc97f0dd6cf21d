import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from schemas.workload import WorkloadClass
from streams import topics
from tests.harness import Rig, event

REALTIME = WorkloadClass.REALTIME


async def test_topic_made_anew_under_a_running_worker_is_read_from_its_beginning(rig: Rig) -> None:
    await rig.worker().start()
    await rig.publish(REALTIME, *(event(number) for number in range(80)))
    await rig.outputs.until_ended(rig.published)
    await make_anew(rig, rig.names.input(REALTIME))
    fresh = await rig.publish(REALTIME, *(event(f"new-{number}") for number in range(8)))
    assert {offset for _, _, offset in fresh} == {0, 1}
    await rig.outputs.until(lambda: all(len(rig.outputs.results[s]) == 2 for s in fresh))
    assert not rig.outputs.letters


async def make_anew(rig: Rig, topic: str) -> None:
    """Delete a topic, and create it as soon as it is gone; the group keeps its old offsets."""
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()
    async with asyncio.timeout(30):
        while topic not in await topics.create(rig.settings):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.1)
