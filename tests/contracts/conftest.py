"""The three stores, and a real Redis that is started once."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from agents.store.journal import RETENTION_S
from agents.store.memory import MemoryStore
from agents.store.opening import Store
from agents.store.redis import RedisStore
from agents.store.sqlite import SqliteStore
from tests.redis_server import RedisServer
from tests.store_builders import Clock


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass(slots=True, kw_only=True)
class Stores:
    """Opens stores of one kind, as several workers would: each call is one more worker's."""

    url: str
    clock: Clock
    opened: list[Store] = field(default_factory=list)

    async def open(self, app: str = "shop", *, retention_s: float = RETENTION_S) -> Store:
        store = self._make(app, retention_s)
        await store.start()
        self.opened.append(store)
        return store

    def _make(self, app: str, retention_s: float) -> Store:
        clock = self.clock
        if self.url.startswith("memory:"):
            shared = [store for store in self.opened if isinstance(store, MemoryStore)]
            made = MemoryStore(clock=clock, wall_clock=clock, retention_s=retention_s)
            return shared[0] if shared else made
        if self.url.startswith("sqlite:"):
            return SqliteStore(self.url, app, wall_clock=clock, retention_s=retention_s)
        # Tests share one server: each has applications of its own.
        return RedisStore(self.url, app, clock=clock, retention_s=retention_s)


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[Stores]:
    urls = {"memory": "memory://", "sqlite": f"sqlite:{tmp_path / 'state.db'}"}
    url = urls.get(request.param) or request.getfixturevalue("redis_server").url
    made = Stores(url=url, clock=clock)
    yield made
    for store in made.opened:
        await store.stop()


@pytest.fixture
def app() -> str:
    return uuid4().hex
