"""The store of many machines: Redis 6.2 or later, one script for each atomic step."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from agents.store import reports
from schemas.lease import Ask, Lease, StoreAway
from schemas.standing import Group, WorkerReport

NOT_A_URL = "is not a url; special characters in a password are written as %XX"
START_S, ANSWER_S, STOP_S = 5.0, 0.5, 0.5
LAYOUT = 2
"""Changes with the fields of a pool: what another version kept of pools is not read."""
SCRIPTS = files("agents.store")
POOL = "".join(
    SCRIPTS.joinpath(f"{name}.lua").read_text("utf-8")
    for name in ("pool_terms", "pool_line", "pool")
)
WORKERS = SCRIPTS.joinpath("workers.lua").read_text("utf-8")
T = TypeVar("T")


class RedisStore:
    """Shares budgets between all machines that reach one Redis.

    Nothing is tried twice: a repeated exchange would count twice. Redis's own clock is the one
    that counts; tests give another as `clock` (seconds since the epoch).
    """

    gap_s = 0.05

    def __init__(self, url: str, app: str, *, clock: Callable[[], float] | None = None) -> None:
        self._url = url
        self._name = _without_password(url)
        # The braces keep an application's keys together in one slot of a cluster.
        self._prefix = f"headrace:{{{app}}}:"
        self._clock = clock
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

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Keep a worker's report, add to what was spent today, return everybody alive."""
        return await self._group(report.worker, reports.encode(report), spent_nanousd)

    async def group(self) -> Group:
        """Return the workers alive and what they spent on this UTC day."""
        return await self._group("", b"", 0)

    async def leave(self, worker: str) -> None:
        """Take a worker out at once; what it leased expires."""
        await self._group(worker, b"", 0)

    async def _group(self, worker: str, report: bytes, spent_nanousd: int) -> Group:
        keys = [self._prefix + name for name in ("seen", "reports", "spent")]
        args = [worker, report, spent_nanousd, *self._time()]
        spent, *kept = await self._bounded(lambda: self._script(WORKERS, keys, args), ANSWER_S)
        names = [name.decode() for name in kept[::2]]
        return reports.group(zip(names, kept[1::2], strict=True), int(spent))

    def _time(self) -> list[str]:
        return [] if self._clock is None else [repr(self._clock())]

    async def _connect(self) -> None:
        try:
            _check(self._url)
            self._redis = Redis.from_url(self._url, retry=Retry(NoBackoff(), 0), protocol=2)
        except ValueError:  # its text may hold a part of the password
            raise StoreAway(f"{self._name}: {NOT_A_URL}") from None
        for text in (POOL, WORKERS):
            await self._redis.script_load(text)
            self._scripts[text] = self._redis.register_script(text)

    async def _script(self, text: str, keys: list[str], args: list[Any]) -> Any:  # noqa: ANN401 - untyped
        """Run a script; what it returns is the script's own affair."""
        if self._redis is None:
            raise StoreAway(f"{self._name}: is not open")
        # EVALSHA; a Redis that was started anew gets the text again.
        return await self._scripts[text](keys, args)

    async def _bounded(self, step: Callable[[], Awaitable[T]], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await step()
        except TimeoutError as problem:
            raise StoreAway(f"{self._name}: no answer in {limit_s:g} s") from problem
        except (RedisError, OSError, ValueError, TypeError) as problem:
            cause = " ".join(str(problem).split()).rstrip(".") or type(problem).__name__
            raise StoreAway(f"{self._name}: {cause}") from problem


def _check(url: str) -> None:
    """Raise ValueError when a password cuts the address short: another host would be asked."""
    if "@" in "".join(urlsplit(url)[2:]):
        raise ValueError


def _without_password(url: str) -> str:
    """Name the server only: a secret may stand in the user part, and in the query."""
    scheme, _, rest = url.partition("://")
    address = re.split("[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme}://{address}"
