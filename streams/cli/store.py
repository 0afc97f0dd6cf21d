"""How a command opens the store that the workers share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from schemas.problem import Problem
from schemas.settings import Settings

if TYPE_CHECKING:
    from agents.store.opening import Store


class StoreUnavailable(Problem):
    """The store that the workers share does not answer."""


class StoreUnseen(Problem):
    """The store lives inside a worker; no command can see it."""

    exit_status = 2


@asynccontextmanager
async def opened(
    settings: Settings, instead: str | None = None, *, create: bool = True
) -> AsyncIterator["Store"]:
    """Open the store. Raises StoreUnavailable.

    Who needs the workers' own store says what to do `instead` when no command can see it: raises
    StoreUnseen. Who only looks says `create=False`: a file that is not there is left so.
    """
    from agents.store.opening import open_store
    from schemas.lease import StoreAway

    if instead is not None:
        refuse_unseen(settings, instead)
    store = open_store(settings.store.url, settings.app.name, create=create)
    try:
        await store.start()
        yield store
    except StoreAway as problem:
        raise StoreUnavailable(f"{str(problem).rstrip('.')}; check [store] url") from problem
    finally:
        await store.stop()


def refuse_unseen(settings: Settings, instead: str) -> None:
    """Raise StoreUnseen when the store is inside a worker."""
    if settings.store.url.startswith("memory:"):
        raise StoreUnseen(f"a memory:// store cannot be seen from outside its worker: {instead}")
