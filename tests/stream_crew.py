"""Several workers over one store: they die, and others get their records."""

import asyncio
from functools import partial
from typing import Any

from agents.store.memory import MemoryStore
from agents.task import Task
from schemas.claim import Page
from schemas.observation import Repeated
from streams.record import Record
from streams.source import identity_of
from tests.fakes import ManualClock, until
from tests.shaky_store import ShakyStore
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

identity = partial(identity_of, "cluster")


class Crew:
    """Makes workers, each with its own consumer and broker, and sends all of them home."""

    def __init__(self) -> None:
        self.store = ShakyStore(ManualClock())
        self._members: list[MemoryProcessor] = []

    def worker(
        self,
        pipeline: ScriptedPipeline | None = None,
        *tasks: Task,
        **options: Any,  # noqa: ANN401 - those of a processor
    ) -> MemoryProcessor:
        given = {"worker": f"w-{len(self._members)}", "store": self.store} | options
        self._members.append(MemoryProcessor(pipeline or ScriptedPipeline(), *tasks, **given))
        return self._members[-1]

    async def die_with(self, record: Record, times: int, *, alone: bool = False) -> None:
        """Let so many workers die, one after the other, while they worked on a record."""
        names = (identity(record),)
        for number in range(times):
            page = Page(worker=f"dead-{number}", claims=names, alone=names if alone else ())
            await MemoryStore.write(self.store, page)

    async def close(self) -> None:
        self.store.come_back()
        self.store.open.set()
        for member in self._members:
            await member.runner.drain(0)
            await member.claims.stop()


async def repeated(worker: MemoryProcessor) -> None:
    """Wait until a worker has taken note that a record had its end already."""
    await until(lambda: worker.counted(Repeated) == 1)
    assert worker.conservation_delta == 0


async def nothing_happens() -> None:
    """Let a minute of the hasty loop pass."""
    await asyncio.sleep(60)
