"""Dead letters as data: read from Kafka, filtered, one for each source."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from schemas.dead_letter import Disposition
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.browsing import read_all
from streams.record import Record
from streams.topics import TopicNames

Source = tuple[str, str, str]


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
        """Where the event was first read."""
        names = ("topic", "partition", "offset")
        first, second, third = (self.facts.get(f"__dlq.errors.{name}", "") for name in names)
        return first, second, third

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
    """Yield the latest letter of every source that matches, oldest first.

    Two passes: the first remembers which letter is a source's latest, and keeps no bytes; so the
    memory is bounded by the number of letters, not by their size.
    """
    names = TopicNames(settings)
    classes = [wanted.workload] if wanted.workload else list(WorkloadClass)
    topics = [names.dead_letters(workload) for workload in classes]
    latest: dict[Source, tuple[float, int, int]] = {}
    async for record in read_all(settings, topics):
        place = (record.timestamp, record.partition, record.offset)
        source = letter_of(record).source
        latest[source] = max(latest.get(source, place), place)
    count = 0
    async for record in read_all(settings, topics):
        letter = letter_of(record)
        place = (record.timestamp, record.partition, record.offset)
        if latest.get(letter.source) == place and wanted.matches(letter):
            yield letter
            count += 1
            if count == limit:
                return


def letter_of(record: Record) -> Letter:
    """Read the facts of a dead letter."""
    facts = {
        name: value.decode("utf-8", "replace")
        for name, value in record.headers
        if name.startswith(("dlq.", "__dlq.errors."))
    }
    return Letter(record=record, facts=facts)


def _errors(facts: dict[str, str]) -> tuple[str | None, ...]:
    return facts.get("dlq.error.class"), facts.get("dlq.error.type")
