"""Faults of topics: missing, denied, grown."""

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from schemas.workload import WorkloadClass
from streams import topics
from tests.chaos.arena import PARTITIONS
from tests.chaos.fault import Blow, Fault, nothing
from tests.chaos.recipes import poison
from tests.chaos.rights import Rights

REALTIME = WorkloadClass.REALTIME
MISSING_S, SETTLE_S = 12.0, 30.0
MORE = PARTITIONS + 2


async def results_missing(blow: Blow) -> list[str]:
    """Delete a result topic, make it again after 12 s."""
    return await _missing(blow, blow.arena.names.result(REALTIME))


async def letters_missing(blow: Blow) -> list[str]:
    """Delete a dead-letter topic while poison comes, make it again after 12 s."""
    return await _missing(blow, blow.arena.names.dead_letters(REALTIME))


async def results_denied(blow: Blow) -> list[str]:
    """Take the right to write results from the workers, give it back after 12 s."""
    return await _denied(blow, blow.arena.names.result(REALTIME))


async def letters_denied(blow: Blow) -> list[str]:
    """Take the right to write dead letters from the workers while poison comes."""
    return await _denied(blow, blow.arena.names.dead_letters(REALTIME))


async def partitions_added(blow: Blow) -> list[str]:
    """Give a running input topic two more partitions."""
    arena = blow.arena
    admin = AIOKafkaAdminClient(bootstrap_servers=arena.cluster.kafka.bootstrap)
    await admin.start()
    try:
        for workload in WorkloadClass:
            topic = arena.names.input(workload)
            await admin.create_partitions({topic: NewPartitions(total_count=MORE)})
    finally:
        await admin.close()
    await arena.books.extend(MORE)
    arena.load.partitions = MORE
    await arena.for_s(20)  # consumers look for new partitions every 15 s
    return []


async def _missing(blow: Blow, topic: str) -> list[str]:
    """Delete and make anew. What the topic held is read before: that loss would be our own."""
    arena = blow.arena
    await arena.load.stop()
    if not await arena.until_settled(SETTLE_S):
        return ["not settled before the topic went away"]
    admin = AIOKafkaAdminClient(bootstrap_servers=arena.cluster.kafka.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()
    arena.load.start()
    await arena.for_s(MISSING_S)
    await topics.create(arena.settings)
    await arena.books.rewind(topic)
    return await nothing(blow)


async def _denied(blow: Blow, topic: str) -> list[str]:
    rights = Rights(blow.arena.cluster.kafka.bootstrap)
    await rights.take(topic)
    try:
        await blow.arena.for_s(MISSING_S)
    finally:
        await rights.give_back(topic)
    return []


FAULTS = (
    Fault(name="results-missing", strike=results_missing, recover_s=30),
    Fault(name="letters-missing", strike=letters_missing, recipe=poison(0.05), recover_s=30),
    Fault(name="results-denied", strike=results_denied, recover_s=30),
    Fault(name="letters-denied", strike=letters_denied, recipe=poison(0.05), recover_s=30),
    Fault(name="partitions-added", strike=partitions_added, recover_s=30),
)
