"""Dead letters as data: read from Kafka, filtered, the latest of each source."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from schemas.dead_letter import JOB_HEADER, Disposition
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import picking, read_all
from streams.envelope import written
from streams.record import Partition, Record
from streams.replay.register import Register
from streams.source import Source, kafka_number, letter_id
from streams.topics import TopicNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter: the record and its facts by header name."""

    record: Record
    facts: dict[str, str]

    @property
    def id(self) -> str:
        """The `dlq.id`."""
        return self.facts.get("dlq.id", "")

    @property
    def source(self) -> Source:
        """Where the event was first read; the letter's own place when it does not say."""
        return _source(self.facts) or Source(
            topic=self.record.topic, partition=self.record.partition, offset=self.record.offset
        )

    @property
    def workload(self) -> WorkloadClass | None:
        """The class of the event."""
        name = self.facts.get("dlq.workload")
        return next((w for w in WorkloadClass if w == name), None)

    @property
    def genuine(self) -> bool:
        """Whether the facts fit together, so that a worker will believe a replay of it."""
        source = _source(self.facts)
        return (
            source is not None
            and self.workload is not None
            and self.id == letter_id(source, source.replays)
        )

    @property
    def event_id(self) -> str | None:
        """The event's own id, from the value or else the CloudEvents header."""
        try:
            value = orjson.loads(self.record.value or b"")
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict) and "id" in value:
            return value["id"] if isinstance(value["id"], str) else None
        given = self.record.header("ce_id")
        return given.decode("utf-8", "replace") if given else None

    def as_json(self) -> dict[str, Any]:
        """Return what `dlq ls --json` prints of it."""
        return {
            "id": self.id,
            "event_id": self.event_id,
            **self.facts,
            "topic": self.record.topic,
            "partition": self.record.partition,
            "offset": self.record.offset,
            "timestamp": written(self.record.timestamp),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which letters are meant; what is None matches all."""

    workload: WorkloadClass | None = None
    disposition: Disposition | None = None
    task: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    id: str | None = None

    @property
    def classes(self) -> tuple[WorkloadClass, ...]:
        """The classes that it leaves."""
        return (self.workload,) if self.workload else tuple(WorkloadClass)

    def matches(self, letter: Letter) -> bool:
        """Whether a letter is meant. `id` is a letter's or an event's id."""
        facts, record = letter.facts, letter.record
        exact = (
            (self.disposition, facts.get("dlq.disposition")),
            (self.workload, facts.get("dlq.workload")),
            (self.task, facts.get("dlq.task")),
            (self.key, record.key.decode("utf-8", "replace") if record.key else None),
        )
        return (
            all(wanted is None or wanted == found for wanted, found in exact)
            and (self.error is None or self.error in _errors(facts))
            and (self.since is None or record.timestamp >= self.since.timestamp())
            and (self.until is None or record.timestamp < self.until.timestamp())
            and (self.id is None or self.id in (letter.id, letter.event_id))
        )


async def open_letters(
    settings: Settings, wanted: Filter, limit: int = 0
) -> AsyncGenerator[Letter]:
    """Yield the open letters that match, oldest first, the oldest `limit` of them if it is not 0.

    Raises TopicMissing, KafkaUnavailable.
    """
    with await survey(settings, wanted) as register:
        async with aclosing(read_open(settings, register, limit or None)) as letters:
            async for letter in letters:
                yield letter


async def survey(
    settings: Settings, wanted: Filter, ends: Mapping[Partition, int] | None = None
) -> Register:
    """Read all letters, replays and parked letters of the classes once, and join them.

    Of letters at or after `ends` only this is taken: that they are the latest of their source.
    """
    names, register = TopicNames(settings), Register()
    letters = {names.dead_letters(workload) for workload in wanted.classes}
    replays = {names.replay(workload) for workload in wanted.classes}
    parked = {names.parked(workload) for workload in wanted.classes}
    async for record in read_all(settings, sorted(letters | replays | parked)):
        letter = letter_of(record)
        source = letter.source
        if record.topic in letters:
            before_end = ends is None or record.offset < ends.get(_partition(record), 0)
            register.add(record, source, selected=before_end and wanted.matches(letter))
        elif record.topic in replays:
            register.close(source, source.replays - 1, _text(record.header(JOB_HEADER)))
        else:
            register.close(source, source.replays)
    return register


async def read_open(
    settings: Settings, register: Register, limit: int | None
) -> AsyncGenerator[Letter]:
    """Read the open letters that the register selects, oldest first, a page at a time."""
    if not (topics := register.topics()):
        return
    async with picking(settings, topics) as picker:
        for page in register.pages(limit):
            found = await picker.pick(page)
            for place in page:
                if record := found.get(place):  # Kafka may have deleted it meanwhile
                    yield letter_of(record)


def letter_of(record: Record) -> Letter:
    """Read the facts of a dead letter."""
    facts = {
        name: _text(value)
        for name, value in record.headers
        if name.startswith(("dlq.", "__dlq.errors."))
    }
    return Letter(record=record, facts=facts)


def _source(facts: Mapping[str, str]) -> Source | None:
    try:
        return Source(
            topic=facts["__dlq.errors.topic"],
            partition=kafka_number(facts["__dlq.errors.partition"]),
            offset=kafka_number(facts["__dlq.errors.offset"]),
            replays=kafka_number(facts.get("dlq.replay.count", "0")),
        )
    except (KeyError, ValueError):
        return None


def _partition(record: Record) -> Partition:
    return record.topic, record.partition


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _errors(facts: Mapping[str, str]) -> tuple[str | None, ...]:
    return facts.get("dlq.error.class"), facts.get("dlq.error.type")
