"""Which letters are open: letters joined with their replays and with what was parked."""

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from streams.browsing import Place
from streams.record import Record
from streams.source import Source

# One page of letters is read into memory at a time.
PAGE_LETTERS, PAGE_BYTES = 1_000, 32 * 2**20

_TABLES = """
PRAGMA journal_mode = OFF;
CREATE TABLE letter (
    source TEXT PRIMARY KEY, replays INT, time REAL, topic TEXT, partition INT, "offset" INT,
    bytes INT, selected INT
) WITHOUT ROWID;
CREATE TABLE closed (source TEXT PRIMARY KEY, replays INT) WITHOUT ROWID;
BEGIN;
"""
# A letter of a later replay is later, whatever the clocks of their writers say.
_ADD = """
INSERT INTO letter VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET
    replays = excluded.replays, time = excluded.time, topic = excluded.topic,
    partition = excluded.partition, "offset" = excluded."offset", bytes = excluded.bytes,
    selected = excluded.selected
WHERE (excluded.replays, excluded.time, excluded."offset") > (replays, time, "offset")
"""
_CLOSE = """
INSERT INTO closed VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET
    replays = max(replays, excluded.replays)
"""
_OPEN = """
FROM letter LEFT JOIN closed USING (source)
WHERE selected AND coalesce(closed.replays, -1) < letter.replays
"""


class Register:
    """The latest letter of every source, and up to which replay a source is dealt with.

    It lives in a temporary database that goes to the disk when it grows, so that the memory is
    bounded whatever the number of letters.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._sent: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Register({self.count()} open)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def add(self, record: Record, source: Source, *, selected: bool) -> None:
        """Take a letter; it counts when it is the latest of its source."""
        place = (record.topic, record.partition, record.offset)
        row = (str(source), source.replays, record.timestamp, *place, record.size, selected)
        self._db.execute(_ADD, row)

    def close(self, source: Source, replays: int, job: str = "") -> None:
        """Take note that letters of a source up to this replay are not open; a job did it."""
        self._db.execute(_CLOSE, (str(source), replays))
        if job:
            self._sent[job] = self._sent.get(job, 0) + 1

    def left(self, job: str, limit: int) -> int | None:
        """Return how many of at most `limit` letters a job has not sent yet; 0 and None: all.

        A letter may be in Kafka twice, so that it has sent more than it was asked to.
        """
        return max(0, limit - self._sent.get(job, 0)) if limit else None

    def count(self) -> int:
        """Return how many selected letters are open."""
        [number] = self._db.execute(f"SELECT count(*) {_OPEN}").fetchone()
        return int(number)

    def topics(self) -> list[str]:
        """Return the topics that the selected open letters are in."""
        rows = self._db.execute(f"SELECT DISTINCT topic {_OPEN} ORDER BY topic")
        return [topic for (topic,) in rows]

    def pages(self, limit: int | None = None) -> Iterator[list[Place]]:
        """Yield the places of the selected open letters, oldest first; None: all."""
        query = (
            f'SELECT topic, partition, "offset", bytes {_OPEN}'
            ' ORDER BY time, topic, partition, "offset" LIMIT ?'
        )
        page: list[Place] = []
        size = 0
        for topic, partition, offset, count in self._db.execute(
            query, (-1 if limit is None else limit,)
        ):
            if page and (len(page) == PAGE_LETTERS or size + count > PAGE_BYTES):
                yield page
                page, size = [], 0
            page.append((topic, partition, offset))
            size += count
        if page:
            yield page
