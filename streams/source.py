"""Where a record first came from, and the ids that follow from it."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from streams.record import Record

# Name space of result and letter ids: any fixed UUID; this one is of our own making.
NAMESPACE = UUID("8d0c2f0e-2c7b-5c39-9a52-6f7d1e0b4a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The first place of an event in Kafka, and how often its letters were replayed."""

    topic: str
    partition: int
    offset: int
    replays: int = 0

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def source_of(record: Record) -> Source:
    """Return the first source: of a replay that of its letter, else the record's own place.

    Only headers that fit together are believed: the letter's id follows from source and count.
    """
    own = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    if (count := record.header("dlq.replay.count")) is None:
        return own
    names = ("topic", "partition", "offset")
    topic, partition, offset = (record.header(f"__dlq.errors.{name}") or b"" for name in names)
    try:
        told = Source(
            topic=topic.decode(),
            partition=kafka_number(partition),
            offset=kafka_number(offset),
            replays=kafka_number(count),
        )
    except ValueError:
        return own
    before = letter_id(told, told.replays - 1)
    return told if told.replays > 0 and record.header("dlq.id") == before.encode() else own


def kafka_number(given: str | bytes | int) -> int:
    """Return a number that Kafka could have; a store and JSON count with 63 bits as well.

    Raises ValueError.
    """
    number = int(given)
    if not 0 <= number < 2**63:
        raise ValueError
    return number


def result_id(source: Source, task: str) -> str:
    """Return the id that a redelivery and a replay give again."""
    return str(uuid5(NAMESPACE, f"{source}:{task}"))


def letter_id(source: Source, replays: int) -> str:
    """Return the id of the letter that a source's nth replay ends in."""
    return str(uuid5(NAMESPACE, f"{source}#{replays}"))


def identity_of(cluster: str, record: Record) -> str:
    """Return the name of a record in the journal: a digest of place, bytes and replay count.

    A topic that was deleted and made again counts from zero, so the time of writing is part of it;
    not for a replay, which may be sent twice.
    """
    source = source_of(record)
    written = record.timestamp if not source.replays else ""
    digest = sha256(f"{cluster}\0{source}\0{source.replays}\0{written}\0".encode())
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part))
        digest.update(part or b"")
    return digest.hexdigest()[:32]
