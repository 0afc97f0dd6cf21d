"""Dead letters sent again under load."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence

from agents.simulator import FaultKind
from schemas.dead_letter import Disposition
from tests.chaos.books import Account
from tests.chaos.fault import Blow, Fault
from tests.chaos.recipes import RESULT, Spoil, spoiled
from tests.outputs import Source

ENOUGH, GATHER_S, RATE = 40, 40.0, 20
DONE_S, COMMAND_S = 60.0, 60.0
INVALID = Disposition.OUTPUT_INVALID
# A dry answer twice: a dead letter. When it is replayed, the fault is used up.
LETTERS = spoiled(0.2, Spoil(kind=FaultKind.MALFORMED_OUTPUT, times=2, end=INVALID), more=RESULT)


async def replayed(blow: Blow) -> list[str]:
    """Replay all open letters while the load goes on."""
    chosen = await _letters(blow)
    done = await blow.arena.headrace("dlq", "replay", "--execute", "--rate", str(RATE))
    if done.status:
        return [f"replay exits {done.status}: {done.err[-200:]}"]
    return await _all_replayed(blow, chosen)


async def replay_killed(blow: Blow) -> list[str]:
    """Kill -9 the replay half way, then resume it: every letter exactly once."""
    chosen = await _letters(blow)
    process, job = await _begun(blow)
    if not job:
        return ["the replay names no job"]
    give_up = time.monotonic() + COMMAND_S
    while _replays(blow, chosen) < len(chosen) // 3 and time.monotonic() < give_up:
        await blow.arena.for_s(0.02)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    half = _replays(blow, chosen)
    done = await blow.arena.headrace("dlq", "replay", "--resume", job)
    if done.status:
        return [f"resume exits {done.status}: {done.err[-200:]}"]
    odd = [] if 0 < half < len(chosen) else [f"killed after {half} of {len(chosen)}: not half way"]
    return odd + await _all_replayed(blow, chosen)


async def _letters(blow: Blow) -> list[Source]:
    """Wait until there are enough open letters, and return them."""
    async with asyncio.timeout(GATHER_S):
        while len(_open(blow)) < ENOUGH:
            await blow.arena.for_s(0.2)
    return _open(blow)


def _open(blow: Blow) -> list[Source]:
    accounts = list(blow.arena.books.accounts.items())
    return [source for source, account in accounts if _is_open(account)]


def _is_open(account: Account) -> bool:
    kinds = {end.kind for end in account.ends}
    return kinds == {"letter"} and not account.replays


def _replays(blow: Blow, chosen: Sequence[Source]) -> int:
    return sum(bool(blow.arena.books.accounts[source].replays) for source in chosen)


async def _all_replayed(blow: Blow, chosen: Sequence[Source]) -> list[str]:
    """Wait for the results of all that were chosen, and look that each was sent once."""
    books = blow.arena.books
    give_up = time.monotonic() + DONE_S
    while time.monotonic() < give_up:
        left = [s for s in chosen if books.accounts[s].ends[-1].kind != "result"]
        if not left:
            break
        await blow.arena.for_s(0.5)
    twice = [s for s in chosen if books.replays_sent[s] > 1]
    found = [f"{len(left)} of {len(chosen)} replayed letters have no result"] if left else []
    return found + ([f"{len(twice)} letters were sent twice"] if twice else [])


async def _begun(blow: Blow) -> tuple[asyncio.subprocess.Process, str]:
    """Begin a replay, and return it with the id of its job."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "streams", "dlq", "replay", "--execute", "--rate", str(RATE)),
        cwd=blow.arena.folder,
        env=blow.arena.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    first = await asyncio.wait_for(process.stderr.readline(), COMMAND_S)
    word, _, job = first.decode().strip().partition(" ")
    return process, job if word == "job" else ""


FAULTS = (
    Fault(name="replay-under-load", strike=replayed, recipe=LETTERS, recover_s=20),
    Fault(name="replay-killed", strike=replay_killed, recipe=LETTERS, recover_s=20),
)
