"""Jobs as Kafka keeps them: a consumer group each, with the order beside its offsets."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from schemas.problem import Problem
from schemas.settings import Settings
from streams.connection import KafkaUnavailable, admin, client_options
from streams.record import Partition
from streams.replay.job import Job, metadata, read

_ID = re.compile(r"[a-z0-9]{1,40}")


class NoSuchJob(Problem):
    """Kafka knows no replay job of that id."""


def group_of(settings: Settings, job: str) -> str:
    """Return the consumer group that is a job's memory."""
    return f"{settings.app.name}.replay.job.{job}"


async def load(settings: Settings, job: str) -> Job:
    """Return a job as it was started. Raises NoSuchJob, KafkaUnavailable."""
    unknown = NoSuchJob(f"no replay job {job!r} of {settings.app.name}; Kafka forgets after a week")
    if not _ID.fullmatch(job):
        raise unknown
    async with admin(settings.kafka) as client:
        found = await client.list_consumer_group_offsets(group_of(settings, job))
    committed = {
        (tp.topic, tp.partition): (entry.offset, entry.metadata)
        for tp, entry in found.items()
        if entry.offset >= 0
    }
    if not committed:
        raise unknown
    try:
        return read(job, committed)
    except (ValueError, KeyError, TypeError):
        raise NoSuchJob(f"{group_of(settings, job)} was not written by headrace") from None


@asynccontextmanager
async def progress(settings: Settings, job: Job) -> AsyncIterator["Progress"]:
    """Open a job's group for writing. Raises KafkaUnavailable."""
    options = client_options(settings.kafka)
    consumer = AIOKafkaConsumer(
        **options, group_id=group_of(settings, job.id), enable_auto_commit=False
    )
    try:
        await consumer.start()
        consumer.assign([TopicPartition(*partition) for partition in job.ends])
        consumer.pause(*consumer.assignment())
        yield Progress(consumer, job)
    except KafkaError as problem:
        raise KafkaUnavailable(
            f"Kafka at {settings.kafka.bootstrap_servers}: {type(problem).__name__}"
        ) from problem
    finally:
        await consumer.stop()


class Progress:
    """How far a job is. Which letters were sent is known from the replay topics alone."""

    def __init__(self, consumer: AIOKafkaConsumer, job: Job) -> None:
        self._consumer, self._job = consumer, job

    async def begin(self) -> None:
        """Write the order down: from now on the job can be resumed. Raises FilterTooLong."""
        await self.reached(dict.fromkeys(self._job.ends, 0))

    async def reached(self, offsets: Mapping[Partition, int]) -> None:
        """Write down which offsets were sent; never that all were.

        Letters go by their times: behind the last offset of a partition there may be earlier ones.
        """
        ends = self._job.ends
        await self._commit({p: min(offset, max(0, ends[p] - 1)) for p, offset in offsets.items()})

    async def finish(self) -> None:
        """Write down that there is nothing left to do."""
        await self._commit(self._job.ends)

    async def _commit(self, offsets: Mapping[Partition, int]) -> None:
        order, ends = self._job.order, self._job.ends
        await self._consumer.commit(
            {
                TopicPartition(*partition): OffsetAndMetadata(
                    offset, metadata(order, ends[partition])
                )
                for partition, offset in offsets.items()
            }
        )
