"""The topics, declared as data; created and compared."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from schemas.problem import Problem
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.connection import KafkaUnavailable, admin

INPUT_BYTES = 2 * 2**20
# Dead letters carry the whole input and their headers.
LETTER_BYTES = INPUT_BYTES + 64 * 2**10
# A letter that was sent again or parked must be known as such for as long as it may be read: its
# topic keeps a segment of a day beyond Kafka's week, and these two longer than both.
DAY_MS = 86_400_000
LETTER_SEGMENT = {"segment.ms": str(DAY_MS)}
REST = {"retention.ms": str(15 * DAY_MS)}
_TOPIC_EXISTS = 36

_INPUTS = {
    WorkloadClass.REALTIME: "interactions.realtime",
    WorkloadClass.INTERACTIVE: "interactions.interactive",
    WorkloadClass.TRANSACTIONAL: "documents.transactional",
    WorkloadClass.BATCH: "documents.batch",
}


class TopicMissing(Problem):
    """The broker does not have a topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it should be."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)


class TopicNames:
    """The names of all topics under one prefix and application name."""

    def __init__(self, settings: Settings) -> None:
        self._prefix, self._app = settings.topics.prefix, settings.app.name

    def input(self, workload: WorkloadClass) -> str:
        """Where events come in."""
        return self._prefix + _INPUTS[workload]

    def result(self, workload: WorkloadClass) -> str:
        """Where results go."""
        return f"{self._prefix}results.{workload}"

    def dead_letters(self, workload: WorkloadClass) -> str:
        """Where failures go."""
        return f"{self._prefix}dlq.{self._app}.{workload}"

    def replay(self, workload: WorkloadClass) -> str:
        """Where dead letters are sent again."""
        return f"{self._prefix}replay.{self._app}.{workload}"

    def parked(self, workload: WorkloadClass) -> str:
        """Where letters rest that nobody tries again."""
        return f"{self._prefix}parked.{self._app}.{workload}"

    @property
    def deltas(self) -> str:
        """Where streamed answers appear while they are written."""
        return f"{self._prefix}results.{WorkloadClass.INTERACTIVE}.deltas"

    @property
    def jobs(self) -> str:
        """Where reports of batch jobs go."""
        return f"{self._prefix}results.{WorkloadClass.BATCH}.jobs"

    @property
    def feedback(self) -> str:
        """Where consumers report bad results."""
        return f"{self._prefix}feedback"

    @property
    def alerts(self) -> str:
        """Where people are told."""
        return f"{self._prefix}alerts"

    def workload_of(self, topic: str) -> WorkloadClass | None:
        """Return the class whose input topic this is."""
        return next((w for w in WorkloadClass if self.input(w) == topic), None)


def declared(settings: Settings) -> tuple[Topic, ...]:
    """Return every topic that headrace reads or writes."""
    names, kafka = TopicNames(settings), settings.kafka
    size = {"max.message.bytes": str(INPUT_BYTES)}
    letter = {"max.message.bytes": str(LETTER_BYTES)}
    wanted: dict[str, Mapping[str, str]] = {}
    for workload in WorkloadClass:
        wanted[names.input(workload)] = size
        wanted[names.result(workload)] = size
        wanted[names.dead_letters(workload)] = letter | LETTER_SEGMENT
        wanted[names.replay(workload)] = letter | REST
        wanted[names.parked(workload)] = letter | REST
    wanted |= {names.deltas: size, names.jobs: size, names.feedback: size, names.alerts: size}
    return tuple(
        Topic(
            name=name,
            partitions=kafka.partitions,
            replication_factor=kafka.replication_factor,
            config=config,
        )
        for name, config in wanted.items()
    )


async def create(settings: Settings) -> list[str]:
    """Create what is missing; return the names created. Raises KafkaUnavailable."""
    async with admin(settings.kafka) as client:
        answer = await client.create_topics(
            [
                NewTopic(t.name, t.partitions, t.replication_factor, topic_configs=dict(t.config))
                for t in declared(settings)
            ]
        )
    made, problems = [], []
    for name, code, *message in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif code != _TOPIC_EXISTS:
            why = message[0] if message and message[0] else for_code(code).__name__
            problems.append(f"{name}: {why}")
    if problems:
        raise KafkaUnavailable(f"{len(problems)} topics could not be created: {problems[0]}")
    return made


async def differences(settings: Settings) -> list[str]:
    """Compare the broker's topics with the declared ones; a line a difference."""
    async with admin(settings.kafka) as client:
        present = {t["topic"]: t for t in await client.describe_topics() if not t["error_code"]}
        wanted = declared(settings)
        configs = await _configs(client, [t.name for t in wanted if t.name in present])
    found = []
    for topic in wanted:
        if topic.name not in present:
            found.append(f"{topic.name}: missing")
            continue
        partitions = len(present[topic.name]["partitions"])
        if partitions != topic.partitions:
            found.append(f"{topic.name}: {partitions} partitions, not {topic.partitions}")
        found += [
            f"{topic.name}: {key}={configs[topic.name].get(key)}, not {value}"
            for key, value in topic.config.items()
            if configs[topic.name].get(key) != value
        ]
    return found


async def require(settings: Settings, names: Iterable[str]) -> dict[str, int]:
    """Return the number of partitions of these topics. Raises TopicMissing, KafkaUnavailable."""
    async with admin(settings.kafka) as client:
        present = {t["topic"]: t for t in await client.describe_topics() if not t["error_code"]}
    wanted = sorted(set(names))
    if absent := [name for name in wanted if name not in present]:
        raise TopicMissing(_missing(absent, {topic.name for topic in declared(settings)}, present))
    return {name: len(present[name]["partitions"]) for name in wanted}


def _missing(absent: list[str], ours: Collection[str], present: Iterable[str]) -> str:
    """Say how to get the topics: ours can be created, another name was hardly meant."""
    strange = next((name for name in absent if name not in ours), None)
    if strange is None:
        return f"no topic {', '.join(absent)}; run `headrace topics create`"
    near = difflib.get_close_matches(strange, {*present, *ours}, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no topic {strange}; {hint}`headrace topics create` makes ours"


async def cluster_id(settings: Settings) -> str:
    """Return the id that a cluster gave itself. Raises KafkaUnavailable."""
    async with admin(settings.kafka) as client:
        found = await client.describe_cluster()
    return str(found["cluster_id"])


async def _configs(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in await client.describe_configs(resources)
        for _, _, _, name, entries in answer.resources
    }
