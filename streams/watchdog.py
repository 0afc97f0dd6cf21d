"""Exits non-zero when stuck, so that whoever supervises the process starts it again."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

log = logging.getLogger(__name__)

LOOK_S = 1.0
# A rebalance, or a record that nobody works on, may last this long.
PATIENCE_S = 120.0
# The event loop answers within so many looks, a minute, or the process is of no use.
LOOKS_OF_A_DEAD_LOOP = 60
EXIT_STUCK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What one processor shows. `trouble` is fatal at once, the others when they last."""

    name: str
    trouble: str = ""
    rebalancing: bool = False
    forgotten: bool = False  # records are uncommitted and nobody works on them


class Watchdog:
    """Looks at the processors' signs; a thread looks whether the event loop still turns."""

    def __init__(
        self,
        signs: Callable[[], Iterable[Sign]],
        *,
        clock: Callable[[], float] = time.monotonic,
        leave: Callable[[int], object] = os._exit,
        look_s: float = LOOK_S,
    ) -> None:
        self._signs, self._clock, self._leave = signs, clock, leave
        self._look_s = look_s
        self._since: dict[tuple[str, str], float] = {}
        self._beat = clock()
        self._looks_without_beat = 0
        self._stopped = threading.Event()

    def __repr__(self) -> str:
        return f"Watchdog({self._since})"

    def verdict(self, now: float) -> str:
        """Return why the process has to end; empty when it may go on."""
        current: dict[tuple[str, str], float] = {}
        for sign in self._signs():
            if sign.trouble:
                return f"{sign.name}: {sign.trouble}"
            for state in ("rebalancing", "forgotten"):
                if getattr(sign, state):
                    key = (sign.name, state)
                    current[key] = self._since.get(key, now)
        self._since = current
        lasting = [(n, s, now - t) for (n, s), t in current.items() if now - t > PATIENCE_S]
        return next((f"{name}: {state} for {age:.0f} s" for name, state, age in lasting), "")

    async def run(self) -> None:
        """Look once a second until cancelled."""
        threading.Thread(target=self._watch_loop, name="watchdog", daemon=True).start()
        try:
            while True:
                self._beat = now = self._clock()
                if why := self._verdict_or_bug(now):
                    self._end(why)
                await asyncio.sleep(self._look_s)
        finally:
            self._stopped.set()

    def _verdict_or_bug(self, now: float) -> str:
        try:
            return self.verdict(now)
        except Exception as problem:
            log.exception("the watchdog cannot look", extra={"event": "watchdog_failed"})
            return f"the watchdog cannot look: {type(problem).__name__}"

    def _watch_loop(self) -> None:
        """Count looks, not seconds: a process that was stopped for a while is not stuck."""
        seen = self._beat
        while not self._stopped.wait(self._look_s):
            self._looks_without_beat = self._looks_without_beat + 1 if self._beat == seen else 0
            seen = self._beat
            if self._looks_without_beat > LOOKS_OF_A_DEAD_LOOP:
                self._end("the event loop is stuck")

    def _end(self, why: str) -> None:
        log.critical("stuck, leaving: %s", why, extra={"event": "watchdog"})
        logging.shutdown()
        self._leave(EXIT_STUCK)
