"""Result and dead letter topics that are deleted under a running worker."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from schemas.workload import WorkloadClass
from streams import topics
from tests.harness import Rig, event

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
WAITING = 40


@pytest.mark.parametrize("end", ["results", "dead letters"])
async def test_deleted_topic_holds_its_records_and_no_others(rig: Rig, end: str) -> None:
    topic = rig.names.result(REALTIME) if end == "results" else rig.names.dead_letters(REALTIME)
    value = event("held") if end == "results" else b"no json"
    worker = await rig.worker().start()
    await rig.publish(REALTIME, event("first"), value)
    await rig.outputs.until_ended(rig.published)
    await worker.until_metric(lambda n: n == 0, "uncommitted_records")

    await delete(rig, topic)
    await rig.publish(REALTIME, *(value for _ in range(WAITING)))
    await worker.until_metric(lambda n: n > 0, "held_records", workload=REALTIME, reason="publish")
    others = await rig.publish(BATCH, *(event(n) for n in range(WAITING)))
    await rig.outputs.until_ended(others)
    assert sum((await rig.committed(REALTIME)).values()) == 2
    [raised] = await rig.alerts(1)
    assert (raised.kind, raised.state) == ("publish", "raised")
    assert topic in raised.message

    await create_again(rig, topic)
    await worker.until_metric(lambda n: n == 0, "uncommitted_records")
    assert await worker.metric("held_records", reason="publish") == 0
    assert [alert.state for alert in await rig.alerts(2)] == ["raised", "cleared"]
    assert await worker.end() == 0
    assert sum((await rig.committed(REALTIME)).values()) == WAITING + 2
    assert await count(rig, topic) == WAITING


async def delete(rig: Rig, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()


async def create_again(rig: Rig, topic: str) -> None:
    async with asyncio.timeout(30):
        while topic not in await topics.create(rig.settings):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.1)


async def count(rig: Rig, topic: str) -> int:
    """Return how many records a topic has, once each."""
    tailed = await rig.headrace(
        "tail", topic, "--from-beginning", "--limit", str(WAITING), "--json"
    )
    lines = tailed.out.splitlines()
    return len(set(lines))
