"""Reads the latest results of a class, so that a price rests on what was really used."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from agents.pipeline import Work
from schemas.settings import Settings
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from streams.browsing import Place, picking, read_newest
from streams.reader import Reader
from streams.record import Record
from streams.replay.rates import Rates, prompt_bytes
from streams.topics import TopicNames

RESULTS_A_TASK = 200
# Looked through for them, in all partitions together.
RESULTS_READ = 4_000
LEAST_A_PARTITION = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    task: str
    usage: Usage
    source: Place
    time: float


async def learn(
    settings: Settings, workload: WorkloadClass, reader: Reader, rates: Mapping[str, Rates]
) -> None:
    """Teach rates, by task, from the latest results whose events Kafka still has.

    Raises TopicMissing, KafkaUnavailable.
    """
    names = TopicNames(settings)
    most = max(LEAST_A_PARTITION, RESULTS_READ // settings.kafka.partitions)
    found = [
        sample
        async for record in read_newest(settings, names.result(workload), most)
        if (sample := _sample(record)) is not None
    ]
    topic = names.input(workload)
    chosen = [sample for sample in _latest(found) if sample.source[0] == topic]
    if not chosen:
        return
    async with picking(settings, [topic]) as picker:
        events = await picker.pick(sample.source for sample in chosen)
    for sample in chosen:
        event = events.get(sample.source)
        work = reader.read(event) if event else None
        if isinstance(work, Work) and work.task.name == sample.task and sample.task in rates:
            rates[sample.task].learn(sample.usage, prompt_bytes(work))


def _latest(samples: Iterable[_Sample]) -> list[_Sample]:
    by_task: dict[str, list[_Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: -sample.time):
        if len(by_task[sample.task]) < RESULTS_A_TASK:
            by_task[sample.task].append(sample)
    return [sample for kept in by_task.values() for sample in kept]


def _sample(record: Record) -> _Sample | None:
    """Read what is wanted of a result; None when somebody else wrote it."""
    try:
        body: Any = orjson.loads(record.value or b"")
        source = body["source"]
        return _Sample(
            task=str(body["task"]),
            usage=Usage.model_validate(body["usage"]),
            source=(str(source["topic"]), int(source["partition"]), int(source["offset"])),
            time=record.timestamp,
        )
    except (ValueError, KeyError, TypeError):
        return None
