"""Lets records run side by side, or a suspect one with nothing else in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Isolation:
    """One a process. Whoever wants to be alone keeps newcomers out, and waits for the others."""

    def __init__(self) -> None:
        self._running = 0
        self._wanted = 0
        self._turn, self._door = asyncio.Lock(), asyncio.Lock()
        self._open, self._empty = asyncio.Event(), asyncio.Event()
        self._open.set()
        self._empty.set()

    def __repr__(self) -> str:
        return f"Isolation({self._running} running, {self._wanted} want to be alone)"

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Run beside the others."""
        async with self._door:  # in the order in which they came: conversations rely on it
            while self._wanted:
                await self._open.wait()
            self._running += 1
            self._empty.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run with nothing else in flight."""
        self._wanted += 1
        self._open.clear()
        try:
            async with self._turn:
                while self._running:
                    await self._empty.wait()
                yield
        finally:
            self._wanted -= 1
            if not self._wanted:
                self._open.set()
