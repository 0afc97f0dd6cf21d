"""Faults that come with the events: poison, killers, floods, a full batch class."""

import time

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from tests.chaos.cast import Cast
from tests.chaos.fault import Blow, Fault
from tests.chaos.recipes import RESULT, killer, mooded, poison
from tests.chaos.tasks import BROKEN

LAST_S = 15.0
BACKLOG = 800
# The breaker trips after this many records; those already in flight may still become letters.
BREAKER_RECORDS, MOST_LETTERS = 50, 120
# A realtime event may take so long while batch stands in line.
QUICK_S, QUICK_SHARE = 3.0, 0.95
REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH


async def poisoned(blow: Blow) -> list[str]:
    """1 % of the records can never be done: bad bytes, bad JSON, wrong schema, too large."""
    await blow.arena.for_s(LAST_S)
    return []


async def killers(blow: Blow) -> list[str]:
    """Events that kill the process: ATTEMPTS_EXHAUSTED at stage crash, innocents unharmed."""
    arena = blow.arena
    async with arena.crew.supervised():
        arena.load.special(REALTIME, killer)
        give_up = time.monotonic() + 150
        while not _has_crashed(blow) and time.monotonic() < give_up:
            await arena.for_s(0.5)
    await arena.crew.until_ready()
    if not arena.crew.deaths:
        return ["no worker was killed"]
    return [] if _has_crashed(blow) else [f"no end after {arena.crew.deaths} deaths"]


async def bad_deploy(blow: Blow) -> list[str]:
    """Every realtime record fails: the flood breaker holds them, until the deploy is mended."""
    arena = blow.arena
    (arena.folder / BROKEN).touch()
    try:
        await arena.for_s(30)
    finally:
        (arena.folder / BROKEN).unlink()
    letters = sum(
        any(end.kind == "letter" for end in account.ends)
        for account in list(arena.books.accounts.values())
    )
    if letters > MOST_LETTERS:
        return [f"{letters} letters before the breaker, {MOST_LETTERS} allowed"]
    return [] if letters else ["the deploy did no harm"]


async def batch_saturated(blow: Blow) -> list[str]:
    """A backlog of 800 batch events takes all of the limit while realtime arrives."""
    arena = blow.arena
    began = time.time()
    arena.load.burst(BATCH, BACKLOG)
    await arena.for_s(LAST_S)
    waits = [
        arena.books.accounts[source].ends[0].at - sent_at
        for source, sent_at in list(arena.books.sent_at.items())
        if arena.books.workload_of(source) is REALTIME
        and began <= sent_at < time.time() - QUICK_S
        and arena.books.is_ended(source)
    ]
    quick = sum(wait_s <= QUICK_S for wait_s in waits)
    if waits and quick >= QUICK_SHARE * len(waits):
        return []
    return [f"{len(waits) - quick} of {len(waits)} realtime events took over {QUICK_S:.0f} s"]


def _has_crashed(blow: Blow) -> bool:
    accounts = list(blow.arena.books.accounts.values())
    return any(end.stage == "crash" for account in accounts for end in account.ends)


FAULTS = (
    Fault(name="poison-1-percent", strike=poisoned, recipe=poison(0.01)),
    Fault(name="process-killer", strike=killers, cast=Cast(static=True), recover_s=30, settle_s=90),
    Fault(
        name="bad-deploy",
        strike=bad_deploy,
        recipe=mooded(RESULT, Disposition.ATTEMPTS_EXHAUSTED),
        cast=Cast(breaker_records=BREAKER_RECORDS),
        recover_s=40,
        settle_s=120,
    ),
    Fault(name="batch-saturated", strike=batch_saturated, recover_s=20, settle_s=90),
)
