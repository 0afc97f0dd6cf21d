import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.store.database import WIPE_S
from agents.store.pool import FIRST_STOCK
from agents.store.sqlite import ANSWER_S, SqliteStore
from schemas.lease import StoreAway
from schemas.standing import Group
from schemas.workload import WorkloadClass
from tests.store_builders import Clock, answer, ask, letter, page, report, want


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock())
    await made.start()
    yield made
    await made.stop()


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def refusal(store: SqliteStore) -> str:
    with pytest.raises(StoreAway) as caught:
        await store.start()
    return str(caught.value)


async def test_only_the_owner_can_read_what_is_kept(store: SqliteStore, path: Path) -> None:
    await store.beat(report(), 1)
    assert modes(path.parent) == {
        "state.db": 0o600,
        "state.db-shm": 0o600,
        "state.db-wal": 0o600,
    }


async def test_folder_that_is_not_there(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/nowhere/state.db"
    store = SqliteStore(url, "shop")
    assert await refusal(store) == f"{url}: No such file or directory"
    assert await refusal(store) == f"{url}: No such file or directory"


@pytest.fixture
def shopping_list(path: Path) -> Path:
    path.write_text("bread, milk, soap\n" * 100)
    return path


async def test_file_that_is_something_else(shopping_list: Path) -> None:
    url = f"sqlite:{shopping_list}"
    assert await refusal(SqliteStore(url, "shop")) == f"{url}: file is not a database"


async def test_a_file_that_another_process_holds_is_given_up_in_time(
    store: SqliteStore, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreAway, match=r"database is locked|no answer"):
        await store.exchange(ask(want(need=[7, 0, 0])))
    assert time.monotonic() - began < 2 * ANSWER_S
    assert (await store.group()).workers == {}  # the thread has come to its end with it
    other.execute("ROLLBACK")
    other.close()
    # Nothing of the exchange that failed was kept.
    assert (await store.exchange(ask(want(need=[7, 0, 0])))).granted == [0]


async def test_the_journal_outlives_the_process_and_only_its_owner_reads_it(
    store: SqliteStore, path: Path
) -> None:
    await store.beat(report("w1"), 0)
    await store.write(page(claims="a b", answers=[answer("a")], letters=[letter()]))
    await store.write(page(settled="b"))
    await store.reset_breaker(WorkloadClass.BATCH, accept=True)
    assert set(modes(path.parent).values()) == {0o600}
    before = await store.group()
    await store.stop()
    again = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock())
    await again.start()
    assert await again.group() == before
    own, settled = await again.write(page(claims="a b"))
    assert (own.deliveries, own.answers, settled.state) == (1, (answer("a"),), "settled")
    await again.stop()


async def test_an_older_file_gets_what_it_lacks(path: Path) -> None:
    older = sqlite3.connect(path)
    older.execute("CREATE TABLE workers (app TEXT, worker TEXT, seen REAL, report BLOB)")
    older.close()
    store = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock())
    await store.start()
    (claim,) = await store.write(page(claims="a"))
    assert claim.state == "granted"
    assert await store.doubts() == []
    await store.stop()


async def test_a_page_that_another_process_holds_up_is_kept_whole_or_not_at_all(
    store: SqliteStore, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreAway, match=r"database is locked|no answer"):
        await store.write(page(claims="a", letters=[letter()]))
    other.execute("ROLLBACK")
    other.close()
    assert (await store.group()).open_letters == {}
    (claim,) = await store.write(page("w2", claims="a"))
    assert (claim.state, claim.deliveries) == ("granted", 1)


async def test_what_was_kept_outlives_the_process(store: SqliteStore, path: Path) -> None:
    await store.exchange(ask(want(need=[7, 0, 0])))
    await store.stop()
    again = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock())
    await again.start()
    assert (await again.exchange(ask())).levels[0] == 10 * FIRST_STOCK - 7
    await again.stop()


async def test_applications_in_one_file_are_apart(store: SqliteStore, path: Path) -> None:
    other = SqliteStore(f"sqlite:{path}", "bank", wall_clock=Clock())
    await other.start()
    await store.exchange(ask(want(need=[7, 0, 0])))
    await store.beat(report("w1"), 5)
    assert (await other.exchange(ask())).levels[0] == 10 * FIRST_STOCK
    group = await other.beat(report("w2"), 1)
    assert (set(group.workers), group.spent_nanousd) == ({"w2"}, 1)
    assert set((await store.group()).workers) == {"w1"}
    await other.stop()


@pytest.fixture
async def reader(path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock(), create=False)
    await made.start()
    yield made
    await made.stop()


async def test_reader_makes_no_file_and_sees_nobody(reader: SqliteStore, path: Path) -> None:
    assert await reader.group() == Group(workers={})
    with pytest.raises(StoreAway, match="is not open"):
        await reader.beat(report(), 0)
    assert modes(path.parent) == {}


async def test_reader_finds_the_file_that_a_worker_makes_later(
    reader: SqliteStore, store: SqliteStore
) -> None:
    group = await store.beat(report("w1"), 5)
    for _ in range(2):
        assert await reader.group() == group


async def test_folder_that_is_not_there_is_a_wrong_url_for_a_reader_too(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/nowhere/state.db"
    store = SqliteStore(url, "shop", create=False)
    assert await refusal(store) == f"{url}: No such file or directory"
    with pytest.raises(StoreAway, match="is not open"):
        await store.group()


async def test_a_store_that_is_not_open_is_away(path: Path) -> None:
    store = SqliteStore(f"sqlite:{path}", "shop")
    with pytest.raises(StoreAway, match="is not open"):
        await store.group()
    assert repr(store) == f"<SqliteStore {path} closed>"


def kept(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_what_customers_wrote_is_gone_when_its_record_is_settled(path: Path) -> None:
    clock, words = Clock(), "my name is Quillfeather " * 100
    store = SqliteStore(f"sqlite:{path}", "shop", wall_clock=clock)
    await store.start()
    await store.beat(report(), 0)
    await store.write(page(claims="a b"))
    await store.write(page(answers=[answer(name, reply=words) for name in "ab"]))
    await store.write(page(settled="a"))
    clock.now += WIPE_S
    await store.beat(report(), 0)
    await store.group()  # asked behind it on the same thread
    assert b"Quillfeather" in kept(path)  # b is not settled
    await store.write(page(settled="b"))
    clock.now += WIPE_S
    await store.beat(report(), 0)
    await store.group()
    assert b"Quillfeather" not in kept(path)
    await store.stop()


async def test_answers_that_a_killed_worker_left_in_the_log_are_wiped(
    store: SqliteStore, path: Path
) -> None:
    await store.write(page(claims="a"))
    await store.write(page(answers=[answer(reply="Quillfeather")]))
    await store.write(page(settled="a"))
    assert b"Quillfeather" in kept(path)
    other = SqliteStore(f"sqlite:{path}", "shop", wall_clock=Clock())
    await other.start()
    await other.beat(report("w2"), 0)
    await other.group()
    assert b"Quillfeather" not in kept(path)
    await other.stop()
