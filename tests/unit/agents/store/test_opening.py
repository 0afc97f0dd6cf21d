from pathlib import Path

import pytest

from agents.store.memory import MemoryStore
from agents.store.opening import open_store
from agents.store.redis import RedisStore
from agents.store.sqlite import SqliteStore
from tests.store_builders import page


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("memory://", MemoryStore, "<MemoryStore budgets=[] workers=[]>"),
        ("sqlite:/var/state.db", SqliteStore, "<SqliteStore /var/state.db closed>"),
        ("redis://cache:6379/2", RedisStore, "<RedisStore redis://cache:6379/2 closed>"),
        ("rediss://me:secret@cache/", RedisStore, "<RedisStore rediss://cache/ closed>"),
        ("redis://cache/?password=secret", RedisStore, "<RedisStore redis://cache/ closed>"),
    ],
)
def test_scheme_names_the_store_and_no_secret_is_shown(url: str, kind: type, shown: str) -> None:
    store = open_store(url, "shop")
    assert type(store) is kind
    assert repr(store) == shown


@pytest.mark.parametrize("url", ["memory://", "sqlite:state.db", "redis://cache/"])
def test_who_only_reads_names_the_same_stores(url: str) -> None:
    assert repr(open_store(url, "shop", create=False)) == repr(open_store(url, "shop"))


@pytest.mark.parametrize("url", ["memory://", "sqlite:{}/state.db"])
async def test_marks_live_as_long_as_is_said(url: str, tmp_path: Path) -> None:
    store = open_store(url.format(tmp_path), "shop", retention_s=-1)
    await store.start()
    await store.write(page(settled="a"))
    (claim,) = await store.write(page(claims="a"))
    assert claim.state == "granted"
    await store.stop()


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_who_only_reads_makes_no_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:{tmp_path / 'state.db'}", "shop", create=False)
    await store.start()
    await store.group()
    await store.stop()
    assert names(tmp_path) == []
