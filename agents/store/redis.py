"""The store of many machines: Redis 6.2 or later, one script for each atomic step."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib.resources import files
from itertools import chain, islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from agents.store import durability, journal_script, reports
from agents.store.journal import RETENTION_S
from agents.store.letters import OpenLetters
from schemas.claim import Claim, Page, Reset
from schemas.lease import Ask, Lease, StoreAway
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass

NOT_A_URL = "is not a url; special characters in a password are written as %XX"
START_S, ANSWER_S, STOP_S, REPLACE_S = 5.0, 0.5, 0.5, 30.0
# To give up on a page may buy an answer twice, so it is waited for longer.
WRITE_S = 2.0
LAYOUT = 2
"""Changes with the fields of a pool: what another version kept of pools is not read."""
ACCEPT = ":accept"
"""Ends the field that goes with a class's number of resets."""
SCRIPTS = files("agents.store")
POOL = "".join(
    SCRIPTS.joinpath(f"{name}.lua").read_text("utf-8")
    for name in ("pool_terms", "pool_line", "pool")
)
WORKERS = SCRIPTS.joinpath("workers.lua").read_text("utf-8")
JOURNAL = SCRIPTS.joinpath("journal.lua").read_text("utf-8")
LETTERS_AT_ONCE = 1000
"""Fields of one command."""
T = TypeVar("T")


class RedisStore:
    """Shares budgets and the journal between all machines that reach one Redis.

    Nothing is tried twice: a repeated exchange would count twice. Redis's own clock is the one
    that counts; tests give another as `clock` (seconds since the epoch). Settled marks live for
    `retention_s`.
    """

    gap_s = 0.05

    def __init__(
        self,
        url: str,
        app: str,
        *,
        clock: Callable[[], float] | None = None,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._url = url
        self._name = _without_password(url)
        # The braces keep an application's keys together in one slot of a cluster.
        self._prefix = f"headrace:{{{app}}}:"
        self._clock = clock
        self._retention_s = retention_s
        self._redis: Redis | None = None
        self._scripts: dict[str, AsyncScript] = {}

    def __repr__(self) -> str:
        return f"<RedisStore {self._name} {'open' if self._redis else 'closed'}>"

    async def start(self) -> None:
        """Connect and load the scripts; raise StoreAway when that is not possible."""
        if self._redis is None:
            try:
                await self._bounded(self._connect, START_S)
            except StoreAway:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Close the connections."""
        redis, self._redis = self._redis, None
        if redis is not None:
            try:
                await self._bounded(redis.aclose, STOP_S)
            except StoreAway:
                return  # it is away: there is nothing left to close

    async def exchange(self, ask: Ask) -> Lease:
        """Settle and lease in one step; raise StoreAway when it is not done in time."""
        key = f"{self._prefix}pool:{LAYOUT}:{ask.budget}"
        reply = await self._bounded(
            lambda: self._script(POOL, [key], [orjson.dumps(ask), *self._time()]), ANSWER_S
        )
        return Lease(**orjson.loads(reply))

    async def write(self, page: Page) -> tuple[Claim, ...]:
        """Take in a worker's page in one step; raise StoreAway when it is not done in time."""
        keys = [f"{self._prefix}seen", *journal_script.keys(self._prefix, page)]
        now = None if self._clock is None else self._clock()
        args = journal_script.arguments(page, self._retention_s, now)
        reply = await self._bounded(lambda: self._script(JOURNAL, keys, args), WRITE_S)
        return journal_script.claims(page, reply)

    async def replace_letters(self, open_letters: OpenLetters) -> None:
        """Make the ledger of open letters anew in one step."""

        async def replace() -> None:
            async with self._opened().pipeline(transaction=True) as step:
                for workload in WorkloadClass:
                    key = journal_script.ledger(self._prefix, workload)
                    step.delete(key)
                    rows = iter(open_letters.get(workload, {}).items())
                    while some := list(islice(rows, LETTERS_AT_ONCE)):
                        step.hset(key, items=list(chain.from_iterable(some)))
                await step.execute()

        await self._bounded(replace, REPLACE_S)

    async def reset_breaker(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Tell the workers that a person closed a class's flood breaker."""

        async def reset() -> None:
            async with self._opened().pipeline(transaction=True) as step:
                step.hincrby(f"{self._prefix}resets", workload, 1)
                step.hset(f"{self._prefix}resets", f"{workload}{ACCEPT}", int(accept))
                await step.execute()

        await self._bounded(reset, ANSWER_S)

    async def doubts(self) -> list[str]:
        """Return what may lose records; a Redis may keep its settings to itself."""
        told = {
            name: await self._bounded(partial(self._setting, name), ANSWER_S)
            for name in durability.ASKED
        }
        return durability.doubts(self._name, told)

    async def _setting(self, name: str) -> str | None:
        try:
            return (await self._opened().config_get(name)).get(name)
        except ResponseError:  # denied, or unknown where Redis is rented
            return None

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Keep a worker's report, add to what was spent today, return everybody alive."""
        return await self._group(report.worker, reports.encode(report), spent_nanousd)

    async def group(self) -> Group:
        """Return the workers alive and what they have in common."""
        return await self._group("", b"", 0)

    async def leave(self, worker: str) -> None:
        """Take a worker out at once; what it leased expires."""
        await self._group(worker, b"", 0)

    async def _group(self, worker: str, report: bytes, spent_nanousd: int) -> Group:
        keys = [self._prefix + name for name in ("seen", "reports", "spent", "resets")]
        keys += [journal_script.ledger(self._prefix, workload) for workload in WorkloadClass]
        args = [worker, report, spent_nanousd, *self._time()]
        spent, resets, counts, kept = await self._bounded(
            lambda: self._script(WORKERS, keys, args), ANSWER_S
        )
        return reports.group(
            _pairs(kept),
            int(spent),
            dict(zip(WorkloadClass, counts, strict=True)),
            _resets(dict(_pairs(resets))),
        )

    def _time(self) -> list[str]:
        return [] if self._clock is None else [repr(self._clock())]

    async def _connect(self) -> None:
        try:
            _check(self._url)
            self._redis = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), protocol=2)
        except ValueError:  # its text may hold a part of the password
            raise StoreAway(f"{self._name}: {NOT_A_URL}") from None
        for text in (POOL, WORKERS, JOURNAL):
            await self._redis.script_load(text)
            self._scripts[text] = self._redis.register_script(text)

    async def _script(self, text: str, keys: list[str], args: list[Any]) -> Any:  # noqa: ANN401 - untyped
        """Run a script; what it returns is the script's own affair."""
        self._opened()
        # EVALSHA; a Redis that was started anew gets the text again.
        return await self._scripts[text](keys, args)

    def _opened(self) -> Redis:
        if self._redis is None:
            raise StoreAway(f"{self._name}: is not open")
        return self._redis

    async def _bounded(self, step: Callable[[], Awaitable[T]], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await step()
        except TimeoutError as problem:
            raise StoreAway(f"{self._name}: no answer in {limit_s:g} s") from problem
        except (RedisError, OSError, ValueError, TypeError) as problem:
            cause = " ".join(str(problem).split()).rstrip(".") or type(problem).__name__
            raise StoreAway(f"{self._name}: {cause}") from problem


def _pairs(flat: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Take names and values that follow each other apart."""
    return zip((name.decode() for name in flat[::2]), flat[1::2], strict=True)


def _resets(kept: dict[str, bytes]) -> dict[str, Reset]:
    return {
        name: Reset(number=int(number), accept=kept.get(f"{name}{ACCEPT}") == b"1")
        for name, number in kept.items()
        if not name.endswith(ACCEPT)
    }


def _check(url: str) -> None:
    """Raise ValueError when a password cuts the address short: another host would be asked."""
    if "@" in "".join(urlsplit(url)[2:]):
        raise ValueError


def _without_password(url: str) -> str:
    """Name the server only: a secret may stand in the user part, and in the query."""
    scheme, _, rest = url.partition("://")
    address = re.split("[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme}://{address}"
