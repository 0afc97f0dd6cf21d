"""One worker process that claims records in an SQLite store, for the test beside it.

Arguments: the store's url, the worker's name, how many records. Prints the numbers of those that
it was granted.
"""

import asyncio
import sys

from agents.store.sqlite import SqliteStore
from tests.store_builders import START, page, report


async def claim(url: str, worker: str, records: int) -> list[int]:
    store = SqliteStore(url, "shop", wall_clock=lambda: START)
    await store.start()
    await store.beat(report(worker), 0)
    granted = []
    for number in range(records):
        (claimed,) = await store.write(page(worker, claims=str(number)))
        if claimed.state == "granted":
            granted.append(number)
    await store.stop()
    return granted


if __name__ == "__main__":
    print(*asyncio.run(claim(sys.argv[1], sys.argv[2], int(sys.argv[3]))))  # noqa: T201 - its answer
