"""A store in memory that is away or slow when told."""

import asyncio
import time
from collections.abc import Callable

from agents.store.journal import Journal
from agents.store.memory import MemoryStore
from schemas.claim import Claim, Page
from schemas.lease import StoreAway
from schemas.standing import WorkerReport


class ShakyStore(MemoryStore):
    """A store in memory that may be away, or slow: pages wait until it is `open`.

    Keeps the pages that it was shown, also those that it did not take.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock=clock, wall_clock=wall_clock)
        self.problem: Exception | None = None
        self.pages: list[Page] = []
        self.open = asyncio.Event()
        self.open.set()

    def leave_us(self, problem: Exception | None = None) -> None:
        self.problem = problem or StoreAway("no answer from the store")

    def come_back(self) -> None:
        self.problem = None

    def forget(self) -> None:
        """Lose everything, as a store that is flushed."""
        self._journal = Journal()

    async def write(self, page: Page) -> tuple[Claim, ...]:
        self.pages.append(page)
        await self.open.wait()
        if self.problem:
            raise self.problem
        return await super().write(page)

    async def live(self, worker: str) -> None:
        """Let a worker's heart beat."""
        await self.beat(WorkerReport(worker=worker, classes=(), budgets=()), 0)

    async def ask(self, identity: str, worker: str = "visitor") -> Claim:
        """Return how a record stands, as another worker sees it; it claims and gives back."""
        (claim,) = await MemoryStore.write(self, Page(worker=worker, claims=(identity,)))
        await MemoryStore.write(self, Page(worker=worker, released=(identity,)))
        return claim
