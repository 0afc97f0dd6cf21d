"""What Kafka really holds: every input, every end, every replay, read as it comes."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.workload import WorkloadClass
from streams.browsing import record_of
from streams.record import Record
from streams.topics import TopicNames
from tests.outputs import Source, body, text

POLL_MS = 200
PAUSE_S = 0.5
# A record whose time is so far off was written under another clock.
CLOCK_S = 300.0

Kind = Literal["result", "letter", "parked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end as it was written; `at` is seconds since the epoch."""

    kind: Kind
    id: str
    disposition: str
    stage: str
    at: float


@dataclass(slots=True, kw_only=True)
class Account:
    """All that is known of one source."""

    ends: list[End] = field(default_factory=list)
    replays: set[str] = field(default_factory=set)


class Books:
    """Reads the topics of one app without a group."""

    def __init__(self, bootstrap: str, names: TopicNames, partitions: int) -> None:
        self._inputs = {names.input(w): w for w in WorkloadClass}
        self._kinds: dict[str, Kind] = {names.result(w): "result" for w in WorkloadClass}
        self._kinds |= {names.dead_letters(w): "letter" for w in WorkloadClass}
        self._kinds |= {names.parked(w): "parked" for w in WorkloadClass}
        self._replays = {names.replay(w) for w in WorkloadClass}
        self._partitions = dict.fromkeys((*self._inputs, *self._kinds, *self._replays), partitions)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            retry_backoff_ms=300,
            metadata_max_age_ms=5_000,
        )
        self._reading: asyncio.Task[None] | None = None
        self._seen: set[tuple[str, int, int, float]] = set()
        self.inputs: dict[Source, bytes | None] = {}
        self.sent_at: dict[Source, float] = {}
        self.accounts: defaultdict[Source, Account] = defaultdict(Account)
        self.replays_sent: Counter[Source] = Counter()

    def __repr__(self) -> str:
        return f"Books({len(self.inputs)} inputs, {len(self.accounts)} accounts)"

    async def start(self) -> None:
        """Read from now on, from the beginning."""
        await self._consumer.start()
        self._consumer.assign(self._parts)
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Disconnect."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._consumer.stop()

    async def extend(self, partitions: int) -> None:
        """Read the further partitions of the inputs, too."""
        self._partitions |= dict.fromkeys(self._inputs, partitions)
        await self._assign_anew({})

    async def rewind(self, topic: str) -> None:
        """Read a topic from its beginning: it was made anew."""
        begun = {part: 0 for part in self._parts if part.topic == topic}
        await self._assign_anew(begun)

    def workload_of(self, source: Source) -> WorkloadClass:
        """Return the class of an input."""
        return self._inputs[source[0]]

    def is_ended(self, source: Source) -> bool:
        """Whether anything came of a record."""
        return source in self.accounts and bool(self.accounts[source].ends)

    def open(self, since: Iterable[Source] = ()) -> list[Source]:
        """Return the inputs without an end, but for those given."""
        known = set(since)
        return [s for s in self.inputs if s not in known and not self.is_ended(s)]

    def first_ends(self, since_s: float) -> dict[WorkloadClass, list[float]]:
        """Return when the ends of each class came, physical repeats left out."""
        found: dict[WorkloadClass, list[float]] = {w: [] for w in WorkloadClass}
        for source, account in self.accounts.items():
            if source in self.inputs and account.ends and account.ends[0].at >= since_s:
                found[self.workload_of(source)].append(account.ends[0].at)
        return found

    async def read_up(self, within_s: float = 20.0) -> None:
        """Read what is there at the time of the call."""
        async with asyncio.timeout(within_s):
            ends = await self._consumer.end_offsets(self._parts)
            for part in self._parts:
                while await self._consumer.position(part) < ends[part]:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(POLL_MS / 1000)

    @property
    def _parts(self) -> list[TopicPartition]:
        return [TopicPartition(t, p) for t, count in self._partitions.items() for p in range(count)]

    async def _assign_anew(self, begun: dict[TopicPartition, int]) -> None:
        positions = {
            part: await self._consumer.position(part) for part in self._consumer.assignment()
        }
        self._consumer.assign(self._parts)
        for part, position in (dict.fromkeys(self._parts, 0) | positions | begun).items():
            self._consumer.seek(part, position)

    async def _read(self) -> None:
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except KafkaError:
                await asyncio.sleep(PAUSE_S)
                continue
            for found in batches.values():
                for one in found:
                    self._enter(record_of(one))

    def _enter(self, record: Record) -> None:
        place = (record.topic, record.partition, record.offset, record.timestamp)
        if place in self._seen:
            return
        self._seen.add(place)
        if record.topic in self._inputs:
            source = (record.topic, record.partition, record.offset)
            self.inputs[source], self.sent_at[source] = record.value, record.timestamp
        elif record.topic in self._replays:
            self.accounts[_origin(record)].replays.add(text(record, "dlq.replay.count"))
            self.replays_sent[_origin(record)] += 1
        else:
            source, end = _end(record, self._kinds[record.topic])
            self.accounts[source].ends.append(end)


def _origin(record: Record) -> Source:
    names = ("topic", "partition", "offset")
    topic, partition, offset = (text(record, f"__dlq.errors.{name}") for name in names)
    return topic, int(partition), int(offset)


def _end(record: Record, kind: Kind) -> tuple[Source, End]:
    now = time.time()
    at = record.timestamp if abs(now - record.timestamp) < CLOCK_S else now
    if kind == "result":
        told = body(record)["source"]
        source = (told["topic"], told["partition"], told["offset"])
        end = End(kind=kind, id=text(record, "ce_id"), disposition="", stage="", at=at)
        return source, end
    end = End(
        kind=kind,
        id=text(record, "dlq.id"),
        disposition=text(record, "dlq.disposition"),
        stage=text(record, "dlq.stage"),
        at=at,
    )
    return _origin(record), end
