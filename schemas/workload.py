"""The four workload classes, as data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class WorkloadClass(StrEnum):
    """How soon an answer is wanted. Earlier members go first in the waiting line."""

    REALTIME = "realtime"
    INTERACTIVE = "interactive"
    TRANSACTIONAL = "transactional"
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a class stands for: its place in line, its promise, how it reaches Claude."""

    name: WorkloadClass
    priority: int
    deadline_s: float
    timeout_s: float
    lane: Literal["direct", "streamed"]
    event: Literal["interaction", "document"]


WORKLOADS: dict[WorkloadClass, Workload] = {
    row.name: row
    for row in (
        Workload(
            name=WorkloadClass.REALTIME,
            priority=0,
            deadline_s=5,
            timeout_s=30,
            lane="direct",
            event="interaction",
        ),
        Workload(
            name=WorkloadClass.INTERACTIVE,
            priority=1,
            deadline_s=10,
            timeout_s=60,
            lane="streamed",
            event="interaction",
        ),
        Workload(
            name=WorkloadClass.TRANSACTIONAL,
            priority=2,
            deadline_s=300,
            timeout_s=120,
            lane="direct",
            event="document",
        ),
        Workload(
            name=WorkloadClass.BATCH,
            priority=3,
            deadline_s=86_400,
            timeout_s=600,
            lane="direct",
            event="document",
        ),
    )
}
