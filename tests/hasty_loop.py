"""An event loop whose clock runs ahead: what waits for a time does not make a test wait for it."""

import asyncio
import selectors
from typing import Any

# Each turn of the loop takes so long, so that busy tasks grow older too.
TURN_S = 0.001


class _Hurry(selectors.DefaultSelector):
    """Looks at sockets without waiting, and says how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nobody waits for a time, so only a socket can wake the loop
            return super().select()
        self.now += max(TURN_S, timeout)
        return super().select(0)


class HastyLoop(asyncio.SelectorEventLoop):
    """Time passes at once when there is nothing else to do."""

    def __init__(self) -> None:
        self._hurry = _Hurry()
        super().__init__(self._hurry)

    def time(self) -> float:
        return self._hurry.now


# For the fixture `anyio_backend` of a module whose tests have no real peers.
HASTY: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": HastyLoop})
