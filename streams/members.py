"""How many workers Kafka counts in our consumer groups."""

from collections.abc import Iterable

from schemas.settings import Settings
from streams.connection import admin

# Places in a group of Kafka's DescribeGroups answer, which aiokafka hands on as it came.
_GROUP, _MEMBERS = 1, 5


async def members(settings: Settings, groups: Iterable[str]) -> dict[str, int]:
    """Return the number of members of each consumer group. Raises KafkaUnavailable."""
    counts: dict[str, int] = {}
    async with admin(settings.kafka) as client:
        for name in groups:
            # One at a time: aiokafka 0.14 reads answers about several groups wrongly.
            for answer in await client.describe_consumer_groups([name]):
                counts |= {group[_GROUP]: len(group[_MEMBERS]) for group in answer.groups}
    return counts
