"""A worker that was away too long commits nothing; one that is back soon disturbs nobody."""

import asyncio
import signal

from tests.harness import Rig, at_most, event
from tests.member import REALTIME, Member
from tests.worker_process import LOOK_S, SEEN_S, until

ONE_CLASS = ("--classes", REALTIME)
EVENTS = 80


async def test_worker_that_was_stopped_past_its_session_commits_nothing(rig: Rig) -> None:
    sleeping = await rig.worker("sleeping", at_most(8)).start(*ONE_CLASS)
    other = await rig.worker("other", at_most(8)).start(*ONE_CLASS)
    await rig.publish(REALTIME, *(event(n) for n in range(EVENTS)))
    await sleeping.until_metric(lambda n: n > 0, "records_received_total")
    sleeping._running.send_signal(signal.SIGSTOP)
    try:
        before = await committed_all(rig, EVENTS)  # only after the session has timed out
    finally:
        sleeping._running.send_signal(signal.SIGCONT)
    await sleeping.ready()
    await rig.publish(REALTIME, *(event(f"later-{n}") for n in range(EVENTS)))
    await rig.outputs.until_ended(rig.published)
    after = await rig.committed(REALTIME)
    assert all(after[partition] >= before[partition] for partition in before)
    assert await rig.committed_without_end(REALTIME) == []
    assert (await sleeping.end(), await other.end()) == (0, 0)
    await committed_all(rig, 2 * EVENTS)
    assert rig.join().lost == ()


async def test_static_member_that_comes_back_moves_no_partition(rig: Rig) -> None:
    """It leaves without a word, as when it is killed."""
    staying, going, again = (Member(rig, name) for name in ("one", "two", "two"))
    await staying.intake.start()
    await going.intake.start()
    await until(lambda: bool(going.assigned and staying.assigned), "each has partitions")
    before, assigned = staying.intake.consumer_generation_id, staying.assigned
    await going.intake.stop()
    await again.intake.start()
    await rig.publish(REALTIME, *(event(n) for n in range(EVENTS)))
    await until(lambda: len(staying.records + again.records) == EVENTS, "all are delivered")
    assert len(again.records) == EVENTS / 2
    assert (staying.intake.consumer_generation_id, staying.assigned) == (before, assigned)
    assert staying.intake.joined
    for member in (again, staying):
        await member.intake.stop()


async def committed_all(rig: Rig, count: int) -> dict[int, int]:
    """Wait until the group has committed so many records; return its offsets."""
    async with asyncio.timeout(SEEN_S):
        while sum((found := await rig.committed(REALTIME)).values()) < count:  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(LOOK_S)
    assert sum(found.values()) == count
    return found
