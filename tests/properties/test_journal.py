"""What must hold for any sequence of pages."""

import asyncio
import sqlite3
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings

from agents.store.database import Database
from agents.store.journal import Journal
from agents.store.memory import MemoryStore
from schemas.claim import Page
from tests.contracts.page_sequences import (
    RETENTION_S,
    Step,
    answered,
    answered_by_file,
    pages,
    sequences,
)
from tests.store_builders import START, Clock, answer, page

BOUNDED = settings(deadline=None, max_examples=100)


def in_memory(sequence: list[Step]) -> list[object]:
    clock = Clock()
    store = MemoryStore(clock=clock, wall_clock=clock, retention_s=RETENTION_S)
    return list(asyncio.run(answered(store, clock, sequence)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "state.db"


@BOUNDED
@given(sequence=sequences)
def test_a_file_answers_what_memory_answers(file: Path, sequence: list[Step]) -> None:
    database = Database(file, uuid4().hex, retention_s=RETENTION_S)
    try:
        assert answered_by_file(database, Clock(), sequence) == in_memory(sequence)
    finally:
        database.close()


def state(journal: Journal) -> object:
    return deepcopy((dict(journal.entries), journal.answers, dict(journal.settled)))


@BOUNDED
@given(sequence=sequences, last=pages)
def test_a_page_written_again_changes_nothing(sequence: list[Step], last: Page) -> None:
    journal, now = Journal(retention_s=RETENTION_S), START
    for step in sequence:
        journal.write(step.page, now, {"w1", "w2"}.__contains__)
        now += step.pause_s
    claims = journal.write(last, now, {"w1"}.__contains__)
    before = state(journal)
    assert journal.write(last, now, {"w1"}.__contains__) == claims
    assert state(journal) == before


@BOUNDED
@given(sequence=sequences)
def test_a_record_is_open_or_settled_and_answers_belong_to_open_ones(sequence: list[Step]) -> None:
    journal, now = Journal(retention_s=RETENTION_S), START
    for step in sequence:
        journal.write(step.page, now, {"w1", "w2"}.__contains__)
        now += step.pause_s
        assert not journal.entries.keys() & journal.settled.keys()
        assert journal.answers.keys() <= journal.entries.keys()
        for entry in journal.entries.values():
            assert 0 <= entry.deaths_alone <= max(0, entry.deliveries - bool(entry.owner))
            assert entry.owner or not entry.alone


@pytest.fixture
def sql(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file)
    yield connection
    connection.close()


def count(sql: sqlite3.Connection, table: str, app: str) -> int:
    found: int = sql.execute(f"SELECT count(*) FROM {table} WHERE app = ?", (app,)).fetchone()[0]
    return found


def digests(*names: object) -> str:
    return " ".join(uuid4().hex for _ in names)


def test_a_file_holds_little_more_than_what_counts(file: Path, sql: sqlite3.Connection) -> None:
    """Marks, claims and answers whose time is over go as new ones come."""
    app, now = uuid4().hex, START
    database = Database(file, app, retention_s=RETENTION_S)
    per_page, in_time = 5, 60
    for number in range(600):
        claimed = digests(*range(per_page))
        bought = [answer(identity) for identity in claimed.split()]
        database.write(page(settled=digests(*range(per_page)), claims=claimed), now)
        if number % 2:
            database.write(page(answers=bought), now)
        now += RETENTION_S / in_time
    valid = in_time * per_page
    assert valid <= count(sql, "settled", app) <= valid * 1.5
    assert valid <= count(sql, "claims", app) <= valid * 3
    assert valid / 2 <= count(sql, "answers", app) <= valid * 1.5
    database.close()


def test_memory_holds_only_the_latest_marks() -> None:
    journal = Journal(retention_s=RETENTION_S)
    for number in range(50):
        written = page(settled=digests(1, 2), claims=digests(1), answers=[answer(f"x{number}")])
        journal.write(written, START + number, {"w1"}.__contains__)
        journal.prune(written, START + number, most_settled=10)
    assert len(journal.settled) == 10
    later = page(claims="new")
    for _ in range(100):
        journal.write(later, START + 100 + RETENTION_S, {"w1"}.__contains__)
        journal.prune(later, START + 100 + RETENTION_S, most_settled=10)
    assert (list(journal.entries), journal.answers) == (["new"], {})
