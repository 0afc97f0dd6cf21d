"""One worker process that takes what it can get from an SQLite store, for the test beside it.

Arguments: the store's url, the worker's name, how many exchanges. Prints how many were granted.
"""

import asyncio
import sys

from agents.store.sqlite import SqliteStore
from tests.store_builders import START, ask, want


async def take(url: str, worker: str, times: int) -> int:
    store = SqliteStore(url, "shop", wall_clock=lambda: START)
    await store.start()
    granted = 0
    for _ in range(times):
        granted += len((await store.exchange(ask(want(need=[1, 0, 0]), worker=worker))).granted)
    await store.stop()
    return granted


if __name__ == "__main__":
    print(asyncio.run(take(sys.argv[1], sys.argv[2], int(sys.argv[3]))))  # noqa: T201 - its answer
