"""Which store a url names."""

from agents.store.memory import MemoryStore
from agents.store.redis import RedisStore
from agents.store.sqlite import SqliteStore

Store = MemoryStore | SqliteStore | RedisStore


def open_store(url: str, app: str, *, create: bool = True) -> Store:
    """Return the store of an application, not yet started.

    `url` is `memory://`, `sqlite:PATH`, `redis://...` or `rediss://...`; settings admit no other.
    Who only reads the group says `create=False`: a file that is not there is left so.
    """
    if url.startswith("memory:"):
        return MemoryStore()
    if url.startswith("sqlite:"):
        return SqliteStore(url, app, create=create)
    return RedisStore(url, app)
