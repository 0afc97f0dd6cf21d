from tests.harness import PARTITIONS, Rig, event
from tests.member import REALTIME, Member
from tests.worker_process import until

# More than is read ahead.
MANY = 200


async def test_paused_partition_stands_still_and_the_others_do_not(rig: Rig) -> None:
    topic, member = rig.names.input(REALTIME), Member(rig)
    nobodys = (topic, PARTITIONS + 7)
    await member.intake.start()
    try:
        member.intake.pause((topic, 0))
        member.intake.pause(nobodys)
        await rig.publish(REALTIME, *(event(n) for n in range(PARTITIONS * MANY)))
        await until(lambda: len(member.records) == (PARTITIONS - 1) * MANY, "the others come")
        assert member.of(0) == []
        assert member.intake.waits
        member.intake.resume(nobodys)
        member.intake.resume((topic, 0))
        await until(lambda: len(member.of(0)) == MANY, "the paused ones come")
        assert member.of(0) == list(range(MANY))
        assert member.intake.delivered == PARTITIONS * MANY
    finally:
        await member.intake.stop()


async def test_pause_ends_when_the_partitions_move(rig: Rig) -> None:
    topic = rig.names.input(REALTIME)
    first, second = Member(rig), Member(rig)
    await first.intake.start()
    for partition in range(PARTITIONS):
        first.intake.pause((topic, partition))
    await second.intake.start()
    try:
        await until(lambda: bool(second.assigned and first.assigned), "each has partitions")
        await rig.publish(REALTIME, *(event(n) for n in range(PARTITIONS)))
        await until(lambda: len(first.records + second.records) >= PARTITIONS, "all come")
        first.intake.resume((topic, 0))
    finally:
        await second.intake.stop()
        await first.intake.stop()
