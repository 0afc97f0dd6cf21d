"""All faults, one after the other, in arenas on the same three brokers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from tests.chaos.arena import Arena
from tests.chaos.cluster import Cluster
from tests.chaos.fault import Fault
from tests.chaos.row import Row
from tests.chaos.trial import Trial, broken


class Suite:
    """Runs faults. An arena serves as long as its cast is asked for and nothing broke in it."""

    def __init__(self, folder: Path, *, seed: int, is_long: bool = False) -> None:
        self._folder, self._seed, self._is_long = folder, seed, is_long
        self._cluster = Cluster(folder / "kafka", Random(seed))
        self._arena: Arena | None = None
        self._exits = AsyncExitStack()
        self._number = 0

    def __repr__(self) -> str:
        return f"Suite({self._seed}, {self._arena})"

    async def run(self, faults: Sequence[Fault]) -> AsyncIterator[Row]:
        """Yield a row for each fault, in order."""
        try:
            await self._cluster.start()
            for fault in faults:
                yield await self._row(fault)
        finally:
            await self._close()
            await self._cluster.stop()

    async def _row(self, fault: Fault) -> Row:
        try:
            arena = await self._arena_for(fault)
        except Exception as problem:  # noqa: BLE001 - the next faults are to be tried all the same
            await self._close()
            return broken(fault, f"no arena: {type(problem).__name__}: {str(problem)[-600:]}")
        row = await Trial(fault, arena, seed=self._seed, is_long=self._is_long).run()
        if row.breaks:
            await self._close()
        return row

    async def _arena_for(self, fault: Fault) -> Arena:
        if self._arena and self._arena.cast == fault.cast:
            return self._arena
        await self._close()
        down = [node for node in self._cluster.nodes if node not in self._cluster.kafka.pids]
        if down:
            await self._cluster.start_again(*down)
        self._number += 1
        folder = self._folder / f"{self._number:02d}-{fault.name}"
        folder.mkdir()
        self._arena = await self._exits.enter_async_context(
            Arena(folder, self._cluster, fault.cast)
        )
        return self._arena

    async def _close(self) -> None:
        self._arena = None
        await self._exits.aclose()
