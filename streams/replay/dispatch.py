"""Sends letters: each is confirmed by the broker, in order, a page at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Partition
from streams.replay.ledger import Ledger
from streams.replay.letters import Letter

# Confirmed together, and then told to the ledger and to whoever keeps the progress.
PAGE, PAGE_S = 100, 1.0

Send = Callable[[Outbox, Letter], Awaitable[None]]
Reached = Callable[[dict[Partition, int]], Awaitable[None]]


class Dispatch:
    """Sends letters, those of one key in order. `sent` counts those that the broker has."""

    def __init__(
        self,
        outbox: Outbox,
        send: Send,
        ledger: Ledger,
        say: Callable[[str], None],
        *,
        reached: Reached | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        self.refused = 0
        self._outbox, self._send, self._ledger, self._say = outbox, send, ledger, say
        self._reached, self._clock = reached, clock
        self._page: list[tuple[Letter, asyncio.Task[bool]]] = []
        self._latest: dict[bytes | None, asyncio.Task[bool]] = {}
        self._began = clock()

    def __repr__(self) -> str:
        return f"Dispatch({self.sent} sent, {len(self._page)} on their way)"

    async def add(self, letter: Letter) -> None:
        """Send a letter; returns when there is room for the next."""
        before = self._latest.get(letter.record.key)
        sending = self._latest[letter.record.key] = asyncio.create_task(self._try(letter, before))
        self._page.append((letter, sending))
        if len(self._page) >= PAGE or self._clock() - self._began >= PAGE_S:
            await self.flush()

    async def flush(self) -> None:
        """Wait for the broker's word on everything that is on its way."""
        page, self._page, self._began = self._page, [], self._clock()
        self._latest = {}
        taken = [letter for letter, task in page if await task]
        self.sent += len(taken)
        offsets: dict[Partition, int] = {}
        for letter, _ in page:
            place = (letter.record.topic, letter.record.partition)
            offsets[place] = max(offsets.get(place, 0), letter.record.offset + 1)
        if self._reached and offsets:
            await self._reached(offsets)
        await self._ledger.closed(taken)

    async def _try(self, letter: Letter, before: asyncio.Task[bool] | None) -> bool:
        """Send a letter behind the last one of its key: their events may build on each other."""
        if before:
            await asyncio.wait({before})
        try:
            await self._send(self._outbox, letter)
        except TooLargeForKafka as problem:
            self.refused += 1
            self._say(f"letter {letter.id} stays open: {problem}; raise max.message.bytes")
            return False
        return True
