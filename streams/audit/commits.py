"""How far the groups of an application are done with their topics."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)
from aiokafka.structs import OffsetAndMetadata

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import Span
from streams.connection import admin
from streams.record import Partition

TRIES, BETWEEN_TRIES_S = 20, 0.5
_NO_COORDINATOR = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


async def committed(settings: Settings) -> dict[Partition, int]:
    """Return the committed offsets of inputs and replays. Raises KafkaUnavailable.

    One group at a time: aiokafka mixes up the answers of several.
    """
    app = settings.app.name
    found: dict[Partition, int] = {}
    async with admin(settings.kafka) as client:
        for name in (*WorkloadClass, "replay"):
            found |= await _offsets(client, f"{app}.{name}")
    return found


async def _offsets(client: AIOKafkaAdminClient, group: str) -> dict[Partition, int]:
    """Ask until there is a coordinator: the first question of all makes Kafka create its topic."""
    for _ in range(TRIES - 1):
        with suppress(*_NO_COORDINATOR):
            return _by_place(await client.list_consumer_group_offsets(group))
        await asyncio.sleep(BETWEEN_TRIES_S)
    return _by_place(await client.list_consumer_group_offsets(group))


def _by_place(found: Mapping[TopicPartition, OffsetAndMetadata]) -> dict[Partition, int]:
    return {(tp.topic, tp.partition): entry.offset for tp, entry in found.items()}


class Commits:
    """Tells which records their group has done with."""

    def __init__(self, offsets: Mapping[Partition, int], spans: Mapping[Partition, Span]) -> None:
        """Leave out commits beyond a log's end: they are of a topic that was deleted since.

        `spans` must be younger than `offsets`.
        """
        self._offsets = {
            place: offset
            for place, offset in offsets.items()
            if place in spans and offset <= spans[place].end
        }

    def has_passed(self, topic: str, partition: int, offset: int) -> bool:
        """Whether a commit is beyond this record."""
        return offset < self._offsets.get((topic, partition), 0)
