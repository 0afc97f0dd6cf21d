"""A member of a consumer group: the intake alone, without a worker around it."""

from schemas.workload import WorkloadClass
from streams.intake import Intake
from streams.offsets import Offsets
from streams.record import Record
from tests.harness import Rig

REALTIME = WorkloadClass.REALTIME


class Member:
    """An intake of the realtime class that keeps what it is given; named, it is a static member."""

    def __init__(self, rig: Rig, name: str = "") -> None:
        self.records: list[Record] = []
        kafka = rig.settings.kafka.model_copy(update={"group_instance_id": name})
        group, topics = f"{rig.name}.{REALTIME}", [rig.names.input(REALTIME)]
        self.intake = Intake(group, topics, kafka, Offsets(), self._keep)

    @property
    def assigned(self) -> set[tuple[str, int]]:
        """Its partitions."""
        return {tuple(tp) for tp in self.intake.consumer.assignment()}

    def of(self, partition: int) -> list[int]:
        """Return the offsets it was given of one partition."""
        return [record.offset for record in self.records if record.partition == partition]

    async def _keep(self, record: Record) -> None:
        self.records.append(record)
