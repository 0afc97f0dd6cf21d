"""What Kafka may have deleted: from when on a log has everything."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from schemas.settings import Settings
from streams.browsing import Span
from streams.connection import KafkaUnavailable, admin

_KEYS = ("retention.ms", "retention.bytes", "cleanup.policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a topic keeps records; infinitely when time deletes none."""

    seconds: float
    by_size: bool
    compacts: bool

    @classmethod
    def of(cls, config: Mapping[str, str]) -> "Retention":
        """Read a topic's settings; Kafka writes -1 for: no bound."""
        kept_ms = int(config["retention.ms"])
        return cls(
            seconds=kept_ms / 1000 if kept_ms >= 0 else math.inf,
            by_size=int(config["retention.bytes"]) >= 0,
            compacts="compact" in config["cleanup.policy"],
        )

    def complete_since(self, span: Span, first_at: float, now: float) -> float:
        """Return from when on every record of a partition is still there, seconds since the epoch.

        `first_at` is the time of the first one read. Where reading began behind the oldest record,
        or that is the first of all, nothing is gone. Time deletes only what is older than it says.
        """
        if self.compacts:
            return math.inf
        if span.kept == 0 or span.start > span.kept:
            return -math.inf
        return first_at if self.by_size else now - self.seconds


async def retentions(settings: Settings, topics: Iterable[str]) -> dict[str, Retention]:
    """Ask the broker for the retention of topics. Raises KafkaUnavailable."""
    wanted = [
        ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(_KEYS)) for topic in topics
    ]
    found: dict[str, Retention] = {}
    async with admin(settings.kafka) as client:
        for answer in await client.describe_configs(wanted):
            for code, _, _, topic, entries in answer.resources:
                if code:
                    why = for_code(code).__name__
                    raise KafkaUnavailable(f"the settings of topic {topic} cannot be read: {why}")
                found[topic] = Retention.of({entry[0]: entry[1] for entry in entries})
    return found
