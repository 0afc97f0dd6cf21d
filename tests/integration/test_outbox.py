import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.sections import Kafka
from streams.local.kafka import LocalKafka
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Message

SMALL_BYTES = 2000


async def test_refused_record_does_not_stop_those_behind_it(broker: LocalKafka) -> None:
    topic = "outbox-small"
    await create(broker, topic)
    outbox = Outbox(Kafka(bootstrap_servers=broker.bootstrap))
    await outbox.start()
    try:
        first = await outbox.publish(message(topic, 10))
        for _ in range(2):
            with pytest.raises(TooLargeForKafka):
                await outbox.publish(message(topic, 2 * SMALL_BYTES))
        later = [await outbox.publish(message(topic, 10)) for _ in range(3)]
    finally:
        await outbox.stop()
    assert [first, *later] == [(0, 0), (0, 1), (0, 2), (0, 3)]


def message(topic: str, size: int) -> Message:
    return Message(topic=topic, key=None, value=b"x" * size, partition=0)


async def create(broker: LocalKafka, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        config = {"max.message.bytes": str(SMALL_BYTES)}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=config)])
    finally:
        await admin.close()
