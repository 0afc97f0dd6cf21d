"""A worker's claims, the store that they are kept in, and others who look at it."""

import asyncio

from schemas.claim import Answer, Claim
from streams.claims import Claims
from tests.fakes import ManualClock
from tests.shaky_store import ShakyStore

NEW = Claim(state="granted")
SETTLED = Claim(state="settled")


class Office:
    """A worker's claims, and the store they are kept in."""

    def __init__(self) -> None:
        self.store = ShakyStore(ManualClock())
        self._workers: list[Claims] = []
        self.claims = self.worker("me")
        self.told: list[str] = []

    def worker(self, name: str) -> Claims:
        self._workers.append(Claims(name, self.store))
        return self._workers[-1]

    async def close(self) -> None:
        for claims in self._workers:
            await claims.stop()

    async def ask(self, identity: str) -> Claim:
        claim = await self.claims.claim(identity)
        self.told.append(identity)
        return claim

    def asking(self, *identities: str) -> list[asyncio.Task[Claim]]:
        return [asyncio.create_task(self.ask(identity)) for identity in identities]

    async def seen(self, identity: str) -> Claim:
        """What another worker is told, while the heart of this one beats."""
        await self.store.live("me")
        return await self.store.ask(identity)

    async def written(self) -> None:
        """Wait until the store knows everything: this claim is behind all the others."""
        await self.claims.claim("marker")


def answer(identity: str, turn: int = 0) -> Answer:
    return Answer(identity=identity, version="v1", turn=turn, reply=f'"{turn}"')
