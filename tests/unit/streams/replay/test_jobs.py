from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.replay.job import Job, Order, read
from streams.replay.jobs import Progress
from streams.replay.letters import Filter

ENDS = {("dlq", 0): 12, ("dlq", 1): 0}
JOB = Job(id="ab", order=Order(wanted=Filter(), limit=0, rate=100), ends=ENDS)


class Group:
    """What a consumer group keeps: the last commit of each partition."""

    def __init__(self) -> None:
        self.committed: dict[tuple[str, int], tuple[int, str]] = {}

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        self.committed |= {tuple(tp): (at.offset, at.metadata) for tp, at in offsets.items()}

    @property
    def job(self) -> Job:
        return read(JOB.id, self.committed)


def opened() -> tuple[Group, Any]:
    group = Group()
    return group, Progress(group, JOB)


async def test_job_that_began_can_be_read_back() -> None:
    group, progress = opened()
    await progress.begin()
    assert group.job == JOB


async def test_job_that_sent_the_last_letter_of_its_topics_first_is_not_over() -> None:
    group, progress = opened()
    await progress.begin()
    await progress.reached({("dlq", 0): 12})  # by its time, the letter at 10 comes later
    assert not group.job.over


async def test_job_is_over_when_it_says_so() -> None:
    group, progress = opened()
    await progress.begin()
    await progress.finish()
    assert group.job.over
    assert {place: offset for place, (offset, _) in group.committed.items()} == ENDS
