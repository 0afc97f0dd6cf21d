"""What came out: results and dead letters by source, and their join with the inputs."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import record_of
from streams.record import Record
from streams.topics import TopicNames

Source = tuple[str, int, int]
Fact = Callable[[], bool]

ENDED_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Inputs against ends, by identity. `lost` has no end, `double` more than one."""

    lost: tuple[Source, ...]
    double: tuple[Source, ...]
    strangers: tuple[Source, ...]


class Outputs:
    """Everything that came out so far: results and dead letters by source, deltas in order."""

    def __init__(self, settings: Settings) -> None:
        names = TopicNames(settings)
        self._letters = {names.dead_letters(w) for w in WorkloadClass}
        results = [names.result(w) for w in WorkloadClass]
        self._deltas = names.deltas
        self._parts = [
            TopicPartition(topic, partition)
            for topic in (*results, *self._letters, self._deltas)
            for partition in range(settings.kafka.partitions)
        ]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self.results: dict[Source, list[Record]] = {}
        self.letters: dict[Source, list[Record]] = {}
        self.deltas: list[Record] = []

    def __repr__(self) -> str:
        return f"Outputs({len(self.results)} results, {len(self.letters)} letters)"

    @property
    def ended(self) -> set[Source]:
        """Sources with an end."""
        return set(self.results) | set(self.letters)

    async def start(self) -> None:
        """Connect."""
        await self._consumer.start()
        self._consumer.assign(self._parts)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def until(self, fact: Fact, within_s: float = ENDED_S) -> None:
        """Read until the fact is there."""
        try:
            async with asyncio.timeout(within_s):
                while not fact():
                    await self._take()
        except TimeoutError:
            raise AssertionError(f"not within {within_s:.0f} s; there are {self}") from None

    async def until_ended(self, sources: Iterable[Source], within_s: float = ENDED_S) -> None:
        """Read until all these have an end."""
        wanted = set(sources)
        await self.until(lambda: wanted <= self.ended, within_s)

    async def until_more(self, count: int) -> None:
        """Read until so many more than now have an end."""
        enough = len(self.ended) + count
        await self.until(lambda: len(self.ended) >= enough)

    async def read_up(self) -> None:
        """Read what is there at the time of the call."""
        ends = await self._consumer.end_offsets(self._parts)
        for part in self._parts:
            while await self._consumer.position(part) < ends[part]:
                await self._take()

    async def _take(self) -> None:
        for found in (await self._consumer.getmany(timeout_ms=100)).values():
            for record in found:
                self._sort(record_of(record))

    def _sort(self, record: Record) -> None:
        if record.topic == self._deltas:
            self.deltas.append(record)
        elif record.topic in self._letters:
            names = ("topic", "partition", "offset")
            topic, partition, offset = (text(record, f"__dlq.errors.{name}") for name in names)
            self.letters.setdefault((topic, int(partition), int(offset)), []).append(record)
        else:
            origin = body(record)["source"]
            source = (origin["topic"], origin["partition"], origin["offset"])
            self.results.setdefault(source, []).append(record)


def identity_join(published: Iterable[Source], outputs: Outputs) -> Join:
    """Join inputs with ends by the source that every end names."""
    inputs = set(published)
    counts = {
        source: len(outputs.results.get(source, ())) + len(outputs.letters.get(source, ()))
        for source in outputs.ended
    }
    return Join(
        lost=tuple(sorted(inputs - counts.keys())),
        double=tuple(sorted(source for source, count in counts.items() if count > 1)),
        strangers=tuple(sorted(counts.keys() - inputs)),
    )


def body(record: Record) -> Any:  # noqa: ANN401 - any JSON value
    """Return a record's value, parsed."""
    return orjson.loads(record.value or b"")


def text(record: Record, header: str) -> str:
    """Return a header's text; empty when there is none."""
    return (record.header(header) or b"").decode()
