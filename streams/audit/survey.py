"""How far logs reach and groups have come, when an audit begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.audit.commits import Commits, committed
from streams.audit.logs import Logs
from streams.audit.retention import Retention, retentions
from streams.audit.verdict import Memory
from streams.browsing import Span, spans
from streams.record import Partition

# How much later the clock of who wrote an input may be than that of the worker that ended it.
MARGIN_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Taken before the first record is read. `since` is None when all inputs are meant."""

    since: float | None
    commits: Commits
    inputs: Mapping[Partition, Span]
    ends: Mapping[Partition, Span]
    retentions: Mapping[str, Retention]

    @property
    def inputs_since(self) -> float:
        """The time from which on inputs are read, seconds since the epoch."""
        return self.since or 0.0

    @property
    def ends_since(self) -> float:
        """The same for all else. An end is never older than its input, but clocks differ."""
        return _floor(self.since)

    def asks_for(self, at: float) -> bool:
        """Whether an input of that time is meant. One without a time is, when all are."""
        return self.since is None or at >= self.since

    def is_older(self, topic: str, partition: int, offset: int) -> bool:
        """Whether a place lies before the inputs that are meant."""
        span = self.inputs.get((topic, partition))
        return self.since is not None and span is not None and offset < span.start

    def memory(
        self, logs: Logs, workload: WorkloadClass, first_at: Mapping[Partition, float], now: float
    ) -> Memory:
        """Return from when on Kafka has all that became of a class's inputs.

        `first_at` are the times of the first records read of each partition.
        """

        def since(topics: Mapping[str, WorkloadClass]) -> float:
            return max(
                self.retentions[place[0]].complete_since(span, first_at.get(place, now), now)
                for place, span in self.ends.items()
                if topics.get(place[0]) is workload
            )

        return Memory(ends=since(logs.ends), replays=since(logs.replays))


async def survey(settings: Settings, logs: Logs, since: float | None) -> Survey:
    """Ask the brokers. Raises TopicMissing, KafkaUnavailable."""
    offsets = await committed(settings)
    topics = list(logs.ends | logs.replays)
    inputs = await spans(settings, list(logs.inputs), since or 0.0)
    ends = await spans(settings, topics, _floor(since))
    return Survey(
        since=since,
        commits=Commits(offsets, {**inputs, **ends}),
        inputs=inputs,
        ends=ends,
        retentions=await retentions(settings, topics),
    )


def _floor(since: float | None) -> float:
    return max(0.0, (since or 0.0) - MARGIN_S)
