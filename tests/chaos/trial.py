"""One fault from calm to calm: load, strike, recovery, settlement, evidence."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

import orjson
from aiokafka.errors import KafkaError

from tests.chaos.arena import Arena
from tests.chaos.checks import Seen, judge
from tests.chaos.fault import Blow, Fault
from tests.chaos.load import RATES
from tests.chaos.purchases import MARKER, Purchases
from tests.chaos.recovery import back_after_s, missing
from tests.chaos.row import Row
from tests.chaos.stalls import Stalls
from tests.outputs import Source

CALM_S, STEADY_S, LOOK_S = 3.0, 60.0, 0.3
AFTER_S = 3.5
STRIKE_S, LONG_STRIKE_S = 240.0, 1200.0
COMMITTED_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a trial began."""

    at: float
    entry: int
    inputs: frozenset[Source]
    moments: int
    passed: int


class Trial:
    """One fault in one arena."""

    def __init__(self, fault: Fault, arena: Arena, *, seed: int, is_long: bool = False) -> None:
        self._fault, self._arena, self._is_long = fault, arena, is_long
        self._draw = Random(f"{seed}/{fault.name}")
        self._breaks: list[str] = []

    def __repr__(self) -> str:
        return f"Trial({self._fault.name}, {self._arena})"

    async def run(self) -> Row:
        """Return what came of it. A strike that cannot be carried out is a break, too."""
        began = time.monotonic()
        mark, recovered_s = self._mark(), float("inf")
        stalls = Stalls()
        looking = (self._arena.watermark.run(), stalls.run())
        watching = [asyncio.create_task(look) for look in looking]
        try:
            recovered_s = await self._strike(mark)
        except Exception as problem:  # noqa: BLE001 - the next faults are to be tried all the same
            self._breaks.append(f"cannot go on: {type(problem).__name__}: {str(problem)[:300]}")
        finally:
            await self._arena.load.stop()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        uncommitted = await self._settled()
        row = judge(self._fault, self._seen(mark, recovered_s, uncommitted))
        took_s = time.monotonic() - began
        return replace(row, took_s=took_s, stalled_s=stalls.worst_s)

    async def _strike(self, mark: Mark) -> float:
        arena, fault = self._arena, self._fault
        arena.load.start(fault.name, fault.recipe, Random(f"{self._draw.random()}"))
        await self._back(mark.at, STEADY_S)
        await asyncio.sleep(CALM_S)
        blow = Blow(arena=arena, draw=self._draw, is_long=self._is_long)
        async with asyncio.timeout(LONG_STRIKE_S if self._is_long else STRIKE_S):
            self._breaks += await fault.strike(blow)
        lifted = time.time()
        await asyncio.sleep(AFTER_S)
        return await self._back(lifted, fault.recover_s + AFTER_S)

    async def _back(self, since_s: float, within_s: float) -> float:
        """Wait until all classes run at 90 % of the load; return how long that took."""
        give_up = time.time() + within_s
        while (after_s := self._back_after(since_s)) == float("inf") and time.time() < give_up:  # noqa: ASYNC110 - looked up, not told
            await asyncio.sleep(LOOK_S)
        if after_s == float("inf"):
            slow = missing(self._arena.books.first_ends(since_s), RATES, since_s)
            unread = len(self._arena.load.acknowledged - self._arena.books.inputs.keys())
            waiting = f"{len(self._arena.books.open())} open, {unread} not seen by the referee"
            self._breaks.append(f"the rate of {', '.join(slow)} is not back: {waiting}")
        return after_s

    def _back_after(self, since_s: float) -> float:
        return back_after_s(self._arena.books.first_ends(since_s), RATES, since_s)

    async def _settled(self) -> int:
        """Wait for the end of everything; return how many inputs no commit has passed."""
        arena, fault = self._arena, self._fault
        await arena.until_settled(fault.settle_s)
        self._breaks += [f"{name} ended by itself" for name in arena.crew.fallen]
        left = -1
        with suppress(KafkaError, OSError, TimeoutError):
            await arena.books.read_up()
            await arena.watermark.look()
            give_up = time.monotonic() + COMMITTED_S
            while (left := await arena.watermark.unfinished()) and time.monotonic() < give_up:  # noqa: ASYNC110 - looked up
                await asyncio.sleep(LOOK_S)
        if left < 0:
            self._breaks.append("Kafka cannot be read at the end")
        delta = await arena.crew.metric("conservation_delta")
        if delta:
            self._breaks.append(f"conservation_delta {delta:.0f}")
        return max(0, left)

    def _mark(self) -> Mark:
        arena = self._arena
        return Mark(
            at=time.time(),
            entry=len(arena.simulator.ledger.entries),
            inputs=frozenset(arena.books.inputs),
            moments=len(arena.crew.moments),
            passed=len(arena.watermark.passed),
        )

    def _seen(self, mark: Mark, recovered_s: float, uncommitted: int) -> Seen:
        arena = self._arena
        known = set(arena.books.inputs) | arena.load.acknowledged
        inputs = sorted(known - mark.inputs)
        return Seen(
            inputs=inputs,
            markers=self._markers(inputs),
            ends={s: arena.load.ends_of(arena.books.inputs.get(s)) for s in inputs},
            accounts=dict(arena.books.accounts),
            strangers=sum(source not in known for source in arena.books.accounts),
            passed=len(arena.watermark.passed) - mark.passed,
            uncommitted=uncommitted,
            entries=arena.simulator.ledger.after(mark.entry),
            moments=arena.crew.moments[mark.moments :],
            recovered_s=recovered_s,
            found=self._breaks,
        )

    def _markers(self, inputs: Sequence[Source]) -> dict[Source, str]:
        found = {}
        for source in inputs:
            value = self._arena.books.inputs.get(source) or b""
            if marker := MARKER.search(value.decode("utf-8", "replace")):
                found[source] = marker[1]
        return found


def broken(fault: Fault, why: str) -> Row:
    """Return the row of a fault that could not be tried at all."""
    return Row(fault=fault.name, letters={}, purchases=Purchases(), breaks=(why,))


def plain(row: Row) -> bytes:
    """Return a row as a line of JSON."""
    return orjson.dumps(row.plain())
