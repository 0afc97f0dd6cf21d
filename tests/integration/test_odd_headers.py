from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest

from schemas.workload import WorkloadClass
from tests.harness import Rig, event
from tests.spoiled_batches import spoiled

REALTIME = WorkloadClass.REALTIME
NAME = b"caf\xe9-\xff\xfe!"


async def test_record_whose_header_names_are_no_utf8_is_an_event_like_any_other(rig: Rig) -> None:
    topic = rig.names.input(REALTIME)
    await rig.publish(REALTIME, event("before"), partition=1)
    await write(rig, topic, 1, spoiled(NAME, event("odd")))
    rig.published += [(topic, 1, offset) for offset in (1, 2, 3)]
    await rig.publish(REALTIME, event("behind"), partition=1)
    worker = await rig.worker().start()
    await rig.outputs.until_ended(rig.published)
    assert set(rig.outputs.letters) == {(topic, 1, 3)}, "the record without a value"
    assert await worker.end() == 0
    assert (await rig.committed(REALTIME))[1] == 5


async def test_dead_letter_keeps_what_can_be_read_of_the_name(rig: Rig) -> None:
    topic = rig.names.input(REALTIME)
    await rig.publish(REALTIME, event("first"), partition=0)
    await write(rig, topic, 0, spoiled(NAME, b"no json"))
    await rig.worker().start()
    odd = (topic, 0, 2)
    await rig.outputs.until_ended([odd])
    [letter] = rig.outputs.letters[odd]
    assert [name for name, _ in letter.headers][:3] == ["before", "caf?-??!", "z"]


async def write(rig: Rig, topic: str, partition: int, records: bytes) -> None:
    """Send a batch as it is to the partition's leader."""
    client = AIOKafkaClient(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    try:
        await client.bootstrap()
        leader = client.get_random_node()  # there is one broker
        asked = [(topic, [(partition, records)])]
        answer = await client.send(leader, ProduceRequest(None, -1, 10_000, asked))
        [(_, [(_, error, *_)])] = answer.topics
        assert error == 0
    finally:
        await client.close()
