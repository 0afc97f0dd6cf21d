"""Tells the store which letters are open no longer. The ledger is a cache: Kafka is the truth."""

from collections.abc import Callable, Iterable
from typing import Protocol

from schemas.claim import LetterMark, Page
from schemas.lease import StoreAway
from streams.replay.letters import Letter


class Letters(Protocol):
    """What is needed of the store."""

    async def write(self, page: Page) -> object:
        """Take note. Raises StoreAway."""
        ...


class Ledger:
    """Tells one store; after the first failure it tells a person once, and then nobody."""

    def __init__(self, store: Letters | None, worker: str, say: Callable[[str], None]) -> None:
        self._store, self._worker, self._say = store, worker, say

    async def closed(self, letters: Iterable[Letter]) -> None:
        """Take note that these letters are dealt with."""
        marks = tuple(
            LetterMark(
                workload=letter.workload,
                source=str(letter.source),
                replays=letter.source.replays,
                is_open=False,
            )
            for letter in letters
            if letter.workload
        )
        if self._store is None or not marks:
            return
        try:
            await self._store.write(Page(worker=self._worker, letters=marks))
        except StoreAway as problem:
            self._store = None
            self._say(
                f"the ledger of open letters was not told: {problem}; "
                "`headrace audit --rebuild` makes it anew"
            )
