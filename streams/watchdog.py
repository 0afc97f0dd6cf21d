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
# A fetch of records that wait in Kafka: brokers come back, leaders move.
FETCH_PATIENCE_S = 300.0
# A job may take so many of its class's call timeouts in a stage that has a bound, beside patience.
TIMEOUTS_OF_A_STAGE = 3
# The event loop answers within so many looks, a minute, or the process is of no use.
LOOKS_OF_A_DEAD_LOOP = 60
EXIT_STUCK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What one processor shows. `trouble` is fatal at once, the others when they last.

    `stage_s` is how long the slowest job has been in a stage that has a bound: reading context, a
    call, checking the answer; not in line for the budget, held, or publishing. `timeout_s` is that
    of a call of its class. `delivered` counts records: while it rises nothing is starved.
    """

    name: str
    trouble: str = ""
    rebalancing: bool = False
    forgotten: bool = False  # records are uncommitted and nobody works on them
    unassigned: bool = False  # a member of a stable group, without the partition due to it
    starved: bool = False  # records wait in Kafka, there is room for them
    delivered: int = 0
    stage_s: float = 0.0
    timeout_s: float = 0.0

    @property
    def lasting(self) -> tuple[tuple[str, float], ...]:
        """The states it is in, and how many seconds each may last."""
        states = (
            (self.rebalancing, "rebalancing", PATIENCE_S),
            (self.forgotten, "forgotten", PATIENCE_S),
            (self.unassigned, "a member without partitions", PATIENCE_S),
            (self.starved, f"nothing fetched after {self.delivered} records", FETCH_PATIENCE_S),
        )
        return tuple((state, bound_s) for is_so, state, bound_s in states if is_so)

    @property
    def fatal(self) -> str:
        """Why it cannot go on, whatever was before; empty when it can."""
        bound_s = PATIENCE_S + TIMEOUTS_OF_A_STAGE * self.timeout_s
        is_stuck = self.timeout_s > 0 and self.stage_s > bound_s
        return self.trouble or (f"a record stuck for {self.stage_s:.0f} s" if is_stuck else "")


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
        before, self._since = self._since, {}
        for sign in self._signs():
            if sign.fatal:
                return f"{sign.name}: {sign.fatal}"
            for state, bound_s in sign.lasting:
                key = (sign.name, state)
                since = self._since[key] = before.get(key, now)
                if now - since > bound_s:
                    return f"{sign.name}: {state} for {now - since:.0f} s"
        return ""

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
