"""A timer of the event loop that can be set again and again."""

import asyncio
from collections.abc import Callable


class Timer:
    """Calls back once, at the earliest of the times that were asked for since the last call."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def __repr__(self) -> str:
        return f"Timer({f'at {self._at:.3f}' if self._handle else 'not set'})"

    def set(self, due_at: float) -> None:
        """Call back at this time of the event loop's clock, or before."""
        if self._handle:
            if self._at <= due_at:
                return
            self._handle.cancel()
        self._at = due_at
        self._handle = asyncio.get_running_loop().call_at(due_at, self._ring)

    def stop(self) -> None:
        """Do not call back."""
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        self._callback()
