"""Prompt caches: one call first, then the crowd.

An entry can be read once the first answer has begun; until then identical prefixes all miss, and
all pay for the write. It lives for five minutes from the start of the last call that used it, so
traffic keeps it warm for free. Source: the API's documentation of prompt caching.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

# The cache's five minutes, less what a call may take on its way.
WARM_S = 280.0
# A first call that hangs must not hold up the others for longer.
PATIENCE_S = 10.0
# Shorter prefixes are not cached at all; 512 tokens on current models, 4,096 on some older ones.
LEAST_TOKENS = 512
LARGE_MINIMUM, LARGE_TOKENS = ("claude-haiku-4-5", "claude-opus-4-5", "claude-opus-4-6"), 4096


@dataclass(slots=True)
class _Prefix:
    started_at: float | None = None
    cached: bool = True  # until an answer tells otherwise
    opening: asyncio.Event | None = None


class Warmth:
    """What is known of the caches of one process, by prefix."""

    def __init__(self, clock: Callable[[], float], patience_s: float = PATIENCE_S) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._prefixes: dict[object, _Prefix] = {}

    def __repr__(self) -> str:
        return f"Warmth({len(self._prefixes)} prefixes)"

    def is_warm(self, key: object) -> bool:
        """Whether a call would read its prefix from the cache now."""
        prefix = self._prefixes.get(key)
        return prefix is not None and prefix.cached and self._is_fresh(prefix)

    async def turn(self, key: object) -> bool:
        """Return when a call may go; True: it goes first, and ends that with `used` or `failed`."""
        prefix = self._prefixes.setdefault(key, _Prefix())
        while prefix.cached and not self._is_fresh(prefix):
            if prefix.opening is None:
                prefix.opening = asyncio.Event()
                return True
            try:
                async with asyncio.timeout(self._patience_s):
                    await prefix.opening.wait()
            except TimeoutError:
                return False
        return False

    def used(self, key: object, started_at: float, *, cached: bool | None = None) -> None:
        """Take note of an answer that has begun: its prefix lives on from that call's start.

        `cached`: whether the answer's usage shows the prefix in the cache; None: not told yet.
        """
        prefix = self._prefixes[key]
        prefix.started_at = max(started_at, prefix.started_at or started_at)
        if cached is not None:
            prefix.cached = cached
        self._let_go(prefix)

    def failed(self, key: object) -> None:
        """Let another call go first."""
        self._let_go(self._prefixes[key])

    def _is_fresh(self, prefix: _Prefix) -> bool:
        return prefix.started_at is not None and self._clock() - prefix.started_at < WARM_S

    @staticmethod
    def _let_go(prefix: _Prefix) -> None:
        if prefix.opening:
            prefix.opening.set()
            prefix.opening = None


def is_cached(model: str, prefix_tokens: float) -> bool:
    """Whether the API caches a prefix of this length at all."""
    least = LARGE_TOKENS if model.startswith(LARGE_MINIMUM) else LEAST_TOKENS
    return prefix_tokens >= least
