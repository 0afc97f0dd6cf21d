"""Lets records run side by side, or a suspect one with nothing else in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Isolation:
    """One a process. Whoever wants to be alone keeps newcomers out, and waits for the others.

    Between two that want to be alone those go in who stand at the door by then: a crowd of suspects
    does not keep everybody else waiting to its end.
    """

    def __init__(self) -> None:
        self._running = self._wanted = 0
        self._at_door = self._let_in = 0
        # Fair: conversations rely on the order in which their records come in.
        self._door, self._turn = asyncio.Lock(), asyncio.Lock()
        self._open, self._empty = asyncio.Event(), asyncio.Event()
        self._look()

    def __repr__(self) -> str:
        return f"Isolation({self._running} running, {self._wanted} want to be alone)"

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Run beside the others."""
        await self._enter()
        try:
            yield
        finally:
            self._running -= 1
            self._look()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run with nothing else in flight."""
        self._wanted += 1
        self._look()
        try:
            async with self._turn:
                while not self._empty.is_set():
                    await self._empty.wait()
                try:
                    yield
                finally:
                    self._let_in = self._at_door
                    self._look()
        finally:
            self._wanted -= 1
            self._look()

    async def _enter(self) -> None:
        self._at_door += 1
        try:
            async with self._door:
                while not self._open.is_set():  # it may be shut again before we are woken
                    await self._open.wait()
                self._running += 1
        finally:
            self._at_door -= 1
            self._let_in = min(max(0, self._let_in - 1), self._at_door)
            self._look()

    def _look(self) -> None:
        """Open and close by the state."""
        _set(self._open, not self._wanted or self._let_in > 0)
        _set(self._empty, not self._running and not self._let_in)


def _set(event: asyncio.Event, fact: bool) -> None:  # noqa: FBT001 - the fact itself
    if fact:
        event.set()
    else:
        event.clear()
