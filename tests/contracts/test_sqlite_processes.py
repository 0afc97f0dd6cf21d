"""Several processes, one SQLite file."""

import asyncio
import sys
from pathlib import Path

from agents.store.pool import FIRST_STOCK
from tests.contracts import sqlite_worker

ROOT = Path(__file__).parents[2]


async def worker(url: str, name: str, times: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", sqlite_worker.__name__, url, name, str(times),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return int(out)


async def test_processes_that_start_at_once_never_take_more_than_there_is(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'state.db'}"
    granted = await asyncio.gather(*[worker(url, f"w{n}", 30) for n in range(3)])
    assert sum(granted) == int(10 * FIRST_STOCK - 1)  # a burst of ten; one is the cushion
