"""`/readyz` tells the truth: in the group, out of it, and as a member to spare."""

import asyncio
import time

from streams.local.kafka import LocalKafka
from tests.harness import PARTITIONS, Rig
from tests.member import REALTIME, Member
from tests.worker_process import until

# What the contract promises for a killed worker's restart.
READY_S = 30.0


async def test_killed_worker_is_ready_again_in_time(rig: Rig) -> None:
    worker = await rig.worker().start()
    await worker.kill()
    since = time.monotonic()
    await worker.start()
    assert time.monotonic() - since < READY_S
    assert await worker.end() == 0


async def test_worker_that_lost_its_group_is_not_ready(rig: Rig, broker: LocalKafka) -> None:
    worker = await rig.worker().start("--classes", REALTIME)
    broker.kill(1)
    try:
        await worker.until_page(
            lambda status, text: status == 503 and f"partitions of {REALTIME}" in text, "/readyz"
        )
    finally:
        await asyncio.to_thread(broker.start, 1)
    await worker.ready()
    assert await worker.end() == 0


async def test_member_to_spare_has_joined_and_misses_nothing(rig: Rig) -> None:
    members = [Member(rig) for _ in range(PARTITIONS + 1)]
    await asyncio.gather(*(member.intake.start() for member in members))
    try:
        await until(lambda: settled(members), "each has a partition but one")
        [spare] = [member for member in members if not member.assigned]
        assert not spare.intake.lacks_partitions(members=PARTITIONS + 1)
        assert not spare.intake.lacks_partitions(members=0), "nobody has counted yet"
        assert spare.intake.lacks_partitions(members=PARTITIONS)
        assert not any(m.intake.lacks_partitions(PARTITIONS) for m in members if m is not spare)
    finally:
        await asyncio.gather(*(member.intake.stop() for member in members))


def settled(members: list[Member]) -> bool:
    """Whether all have joined and the partitions are dealt out."""
    dealt = sum(len(member.assigned) for member in members)
    return dealt == PARTITIONS and all(member.intake.joined for member in members)
