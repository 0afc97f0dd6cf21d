from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from schemas.workload import WorkloadClass
from tests.harness import PARTITIONS, Rig, event

REALTIME = WorkloadClass.REALTIME


async def test_partitions_added_while_running_are_read(rig: Rig) -> None:
    worker = await rig.worker().start()
    await rig.publish(REALTIME, *(event(n) for n in range(PARTITIONS)))
    await add_partitions(rig, rig.names.input(REALTIME), PARTITIONS + 2)
    await rig._producer.client.force_metadata_update()
    await rig.publish(REALTIME, event("old"), partition=0)
    for partition in range(PARTITIONS, PARTITIONS + 2):
        await rig.publish(REALTIME, event(partition), partition=partition)
    await rig.outputs.until_ended(rig.published)
    await rig.outputs.read_up()
    assert (rig.join().lost, rig.outputs.letters) == ((), {})
    assert await worker.end() == 0
    committed = await rig.committed(REALTIME)
    assert {partition: committed[partition] for partition in (PARTITIONS, PARTITIONS + 1)} == {
        PARTITIONS: 1,
        PARTITIONS + 1: 1,
    }


async def add_partitions(rig: Rig, topic: str, count: int) -> None:
    """Let a topic have so many."""
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(count)})
    finally:
        await admin.close()
