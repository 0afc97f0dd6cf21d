"""A `headrace worker` that kills itself when it passes a named point for the nth time.

The point stands in HEADRACE_TEST_CRASH as `name:n`; without it the worker lives. Effects of one
record come in this order, and there is a point between every two of them: claim, call, answer
(written to the journal), publish, settled (written to the journal), commit.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from agents import catalog
from agents.catalog import Catalog
from agents.store.opening import open_store
from schemas.claim import Claim, Page
from schemas.settings import Settings, load
from schemas.workload import WorkloadClass
from streams.app import Worker
from streams.intake import SafeConsumer
from streams.outbox import Outbox
from streams.record import Message

VARIABLE = "HEADRACE_TEST_CRASH"
EFFECTS = ("claim", "call", "answer", "publish", "settled", "commit")
POINTS = ("before claim", *(f"behind {effect}" for effect in EFFECTS))


class Fate:
    """Ends the process at its hour."""

    def __init__(self, told: str) -> None:
        self._point, _, number = told.partition(":")
        self._left = int(number or 0)

    def passes(self, *points: str) -> None:
        """Pass these points; it may be the last thing this process does."""
        for point in points:
            if point == self._point:
                self._left -= 1
                if not self._left:
                    os.kill(os.getpid(), signal.SIGKILL)


FATE = Fate(os.environ.pop(VARIABLE, ""))


class MortalStore:
    """A store around which the worker may die."""

    def __init__(self, settings: Settings) -> None:
        self._store = open_store(settings.store.url, settings.app.name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._store, name)

    async def write(self, page: Page) -> tuple[Claim, ...]:
        kinds = {"claim": page.claims, "answer": page.answers, "settled": page.settled}
        written = [kind for kind, rows in kinds.items() if rows]
        if page.claims:
            FATE.passes("before claim")
        claims = await self._store.write(page)
        FATE.passes(*(f"behind {kind}" for kind in written))
        return claims


class MortalOutbox(Outbox):
    """An outbox around which the worker may die."""

    async def publish(self, message: Message) -> tuple[int, int]:
        place = await super().publish(message)
        FATE.passes("behind publish")
        return place


class MortalWorker(Worker):
    """A worker whose calls and commits may be its last act."""

    def __init__(
        self,
        settings: Settings,
        tasks: Catalog,
        classes: Collection[WorkloadClass],
    ) -> None:
        super().__init__(
            settings,
            tasks,
            classes,
            store=MortalStore(settings),  # type: ignore[arg-type] # has all that the store has
            outbox=MortalOutbox(settings.kafka),
        )
        send = self._client.send

        async def mortal_send(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            reply = await send(*given, **named)
            FATE.passes("behind call")
            return reply

        self._client.send = mortal_send  # type: ignore[method-assign]


class MortalConsumer(SafeConsumer):
    """A consumer whose commits may be the worker's last act."""

    async def _commit(self, offsets: Any) -> bool:  # noqa: ANN401
        done: bool = await super()._commit(offsets)
        FATE.passes("behind commit")
        return done


async def serve(config: Path) -> None:
    settings = load(config)
    worker = MortalWorker(settings, catalog.load(settings, config.parent), tuple(WorkloadClass))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await worker.start()
    await stop.wait()
    await worker.stop()


if __name__ == "__main__":
    from streams.intake import SafeTransport

    SafeTransport.Consumer = MortalConsumer
    asyncio.run(serve(Path(sys.argv[2])))  # behind --config
