from schemas.workload import WorkloadClass
from streams.intake import Intake
from streams.offsets import Offsets
from streams.record import Record
from tests.harness import PARTITIONS, Rig, event
from tests.worker_process import until

REALTIME = WorkloadClass.REALTIME
# More than is read ahead.
MANY = 200


async def test_paused_partition_stands_still_and_the_others_do_not(rig: Rig) -> None:
    topic, records = rig.names.input(REALTIME), list[Record]()

    async def keep(record: Record) -> None:
        records.append(record)

    def of(partition: int) -> int:
        return sum(record.partition == partition for record in records)

    kafka, group = rig.settings.kafka, f"{rig.name}.realtime"
    intake = Intake(group, [topic], kafka, Offsets(), keep)
    await intake.start()
    try:
        intake.pause((topic, 0))
        intake.pause((topic, PARTITIONS + 7))
        await rig.publish(REALTIME, *(event(n) for n in range(PARTITIONS * MANY)))
        await until(lambda: sum(map(of, range(1, PARTITIONS))) == 3 * MANY, "the others come")
        assert of(0) == 0
        assert intake.waits
        intake.resume((topic, PARTITIONS + 7))
        intake.resume((topic, 0))
        await until(lambda: of(0) == MANY, "the paused ones come")
        assert [r.offset for r in records if r.partition == 0] == list(range(MANY))
        assert intake.delivered == PARTITIONS * MANY
    finally:
        await intake.stop()
