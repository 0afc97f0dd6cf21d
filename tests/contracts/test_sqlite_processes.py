"""Several processes, one SQLite file."""

import asyncio
import sys
from itertools import chain
from pathlib import Path

from agents.store.pool import FIRST_STOCK
from tests.contracts import journal_worker, sqlite_worker

ROOT = Path(__file__).parents[2]


async def worker(module: str, url: str, name: str, times: int) -> list[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, url, name, str(times),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return [int(number) for number in out.split()]


async def test_processes_that_start_at_once_never_take_more_than_there_is(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'state.db'}"
    takes = [worker(sqlite_worker.__name__, url, f"w{n}", 30) for n in range(3)]
    granted = list(chain.from_iterable(await asyncio.gather(*takes)))
    assert sum(granted) == int(10 * FIRST_STOCK - 1)  # a burst of ten; one is the cushion


async def test_each_record_is_granted_to_one_process(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'state.db'}"
    claims = [worker(journal_worker.__name__, url, f"w{n}", 50) for n in range(2)]
    granted = chain.from_iterable(await asyncio.gather(*claims))
    assert sorted(granted) == list(range(50))
