"""An async bound whose size may change while it is in use."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

# A limit grows without telling; whoever waits finds out within this time.
LOOK_S = 0.1


class Slots:
    """Lets so many in at once as `limit` says at that moment; first come, first served.

    A higher limit lets more in at the next look, a lower one acts as slots come back.
    """

    def __init__(self, limit: Callable[[], int], *, look_s: float = LOOK_S) -> None:
        self.in_use = 0
        self._limit, self._look_s = limit, look_s
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Slots({self.in_use} of {self.limit} in use, {self.waiting} waiting)"

    @property
    def limit(self) -> int:
        """How many may be in use at present."""
        return self._limit()

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._waiters)

    async def __aenter__(self) -> None:
        if not self._waiters and self.in_use < self.limit:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[turn] = None
        self.look()
        try:
            await turn
        except asyncio.CancelledError:
            self._abandon(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    def look(self) -> None:
        """Let in whom the limit allows. A slot is taken in the same step that grants it."""
        while self._waiters and self.in_use < self.limit:
            turn, _ = self._waiters.popitem(last=False)
            if not turn.done():  # else it was cancelled and is about to leave
                self.in_use += 1
                turn.set_result(None)
        if self._waiters and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._look_s, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self.look()

    def _give_back(self) -> None:
        self.in_use -= 1
        self.look()

    def _abandon(self, turn: asyncio.Future[None]) -> None:
        """Leave the line; a slot that was granted in the same moment goes to the next."""
        self._waiters.pop(turn, None)
        if not turn.cancelled():
            self._give_back()
