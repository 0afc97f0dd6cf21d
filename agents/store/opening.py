"""Which store a url names."""

from agents.store.journal import RETENTION_S
from agents.store.memory import MemoryStore
from agents.store.redis import RedisStore
from agents.store.sqlite import SqliteStore

Store = MemoryStore | SqliteStore | RedisStore


def open_store(
    url: str, app: str, *, create: bool = True, retention_s: float = RETENTION_S
) -> Store:
    """Return the store of an application, not yet started.

    `url` is `memory://`, `sqlite:PATH`, `redis://...` or `rediss://...`; settings admit no other.
    Who only reads the group says `create=False`: a file that is not there is left so.
    `retention_s` is how long marks of settled records live, and unfinished records with the answers
    bought for them, which nobody came back for.
    """
    if url.startswith("memory:"):
        return MemoryStore(retention_s=retention_s)
    if url.startswith("sqlite:"):
        return SqliteStore(url, app, create=create, retention_s=retention_s)
    return RedisStore(url, app, retention_s=retention_s)
