"""Holds the dead letters of one class back while its flood breaker is open."""

import asyncio
from collections.abc import Callable

from schemas.dead_letter import Disposition
from schemas.outcome import Failed
from streams.flood import FloodBreaker

LOOK_S = 0.5
# Records still come from Kafka: one of them is tried, not one that has failed before.
NEWCOMER_S = 2.0
# An event that expired says nothing about the build.
NO_SIGN = frozenset({Disposition.DEADLINE_EXPIRED})


class Floodgate:
    """Decides whether a failed record may become a dead letter. One a class and consumer."""

    def __init__(self, breaker: FloodBreaker, clock: Callable[[], float]) -> None:
        self._breaker, self._clock = breaker, clock
        self._waiting: dict[asyncio.Future[bool], None] = {}
        self._asked_at = -NEWCOMER_S

    def __repr__(self) -> str:
        return f"Floodgate({self._breaker}, {self.held} held)"

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: no dead letters, no newcomers."""
        return self._breaker.is_open

    @property
    def held(self) -> int:
        """Records that wait here."""
        return len(self._waiting)

    def admits(self) -> bool:
        """Whether a newcomer may be worked on; while the breaker is open, one in a while."""
        if not self.is_open:
            return True
        self._asked_at = self._clock()
        return self._breaker.trial(self._asked_at)

    def succeeded(self, *, trial: bool) -> None:
        """Count a result; that of a trial closes an open breaker: what was held is tried again.

        Others were begun before it opened: of a flood of half the records, each second one is good.
        """
        if self.is_open and trial:
            self.reset(accept=False)
        self._breaker.ended(dead=False, now=self._clock())

    def passes(self, failed: Failed) -> bool:
        """Count a failure; whether it may be published now."""
        if failed.disposition in NO_SIGN:
            return True
        if not self.is_open:
            self._breaker.ended(dead=True, now=self._clock())
        return not self.is_open

    async def verdict(self) -> bool:
        """Wait for the breaker to close; True: publish the failure, False: try again."""
        verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[verdict] = None
        try:
            while not verdict.done():
                await asyncio.wait({verdict}, timeout=LOOK_S)
                if not verdict.done() and self._is_its_turn():
                    return False
            return verdict.result()
        finally:
            del self._waiting[verdict]

    def reset(self, *, accept: bool) -> None:
        """Close the breaker; `accept` buries what was held, else it is tried again."""
        self._breaker.close()
        for verdict in self._waiting:
            if not verdict.done():
                verdict.set_result(accept)

    def _is_its_turn(self) -> bool:
        now = self._clock()
        return now - self._asked_at >= NEWCOMER_S and self._breaker.trial(now)
