"""A Redis that is slow, killed, flushed, or not to be reached at all."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from agents.store.pool import FIRST_STOCK
from agents.store.redis import ANSWER_S, START_S, WRITE_S, RedisStore
from schemas.lease import StoreAway
from schemas.workload import WorkloadClass
from tests.redis_server import RedisServer, free_port
from tests.store_builders import Clock, answer, ask, page, report, want

AMPLE_S = 0.5  # for a machine that is busy with something else


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Start a Redis of the test's own, to be ill-treated."""
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def store(server: RedisServer, clock: Clock) -> AsyncIterator[RedisStore]:
    made = RedisStore(server.url, "shop", clock=clock)
    await made.start()
    yield made
    await made.stop()


async def away(call: Callable[[], Awaitable[object]], at_most_s: float) -> str:
    """Return what StoreAway says, when it came in time."""
    began = time.monotonic()
    with pytest.raises(StoreAway) as caught:
        await call()
    assert time.monotonic() - began < at_most_s + AMPLE_S
    message = str(caught.value)
    assert "\n" not in message
    return message


async def test_a_frozen_redis_is_given_up_in_time(store: RedisStore, server: RedisServer) -> None:
    server.freeze()
    message = await away(lambda: store.exchange(ask()), ANSWER_S)
    assert message == f"{server.url}: no answer in 0.5 s"
    await away(lambda: store.beat(report(), 0), ANSWER_S)
    server.thaw()


async def test_late_answers_reach_nobody_after_a_freeze(
    store: RedisStore, server: RedisServer
) -> None:
    """The reply to a call that was given up must not be taken for the reply to the next."""
    server.freeze()
    await away(lambda: store.exchange(ask(want(need=[3, 0, 0]))), ANSWER_S)
    await away(store.group, ANSWER_S)
    server.thaw()
    leases = [await store.exchange(ask(want(), budget=f"b{n}")) for n in range(3)]
    assert [lease.levels[0] for lease in leases] == [10 * FIRST_STOCK - 1] * 3
    assert set((await store.beat(report("w9"), 0)).workers) == {"w9"}


async def test_a_killed_redis_is_away_and_its_successor_is_filled_anew(
    store: RedisStore, server: RedisServer
) -> None:
    await store.exchange(ask(want()))
    server.kill()
    assert "127.0.0.1" in await away(lambda: store.exchange(ask()), ANSWER_S)
    assert await away(lambda: store.beat(report(), 0), ANSWER_S)
    server.start()  # it knows neither pools nor scripts
    lease = await store.exchange(ask(want(), known=[300, 0, 0], fresh=False))
    assert (lease.granted, lease.known, lease.levels[0]) == ([], [300, 0, 0], 0)
    assert (await store.beat(report(), 5)).spent_nanousd == 5


async def test_a_flushed_redis_starts_from_what_workers_know(
    store: RedisStore, server: RedisServer, clock: Clock
) -> None:
    await store.exchange(ask(want()))
    async with Redis.from_url(server.url) as raw:
        await raw.flushall()
        await raw.script_flush()
    clock.now += 1
    lease = await store.exchange(ask(returned=[1, 0, 0], known=[300, 0, 0], fresh=False))
    assert (lease.known, lease.levels[0]) == ([300, 0, 0], 1)
    assert (await store.group()).workers == {}


async def test_a_flushed_redis_knows_the_answers_that_came_after(
    store: RedisStore, server: RedisServer
) -> None:
    await store.write(page(claims="a b c", answers=[answer("a")]))
    async with Redis.from_url(server.url) as raw:
        await raw.flushall()
        await raw.script_flush()
    await store.write(page(answers=[answer("b")], settled="c"))
    claims = await store.write(page("w2", claims="a b c"))
    assert [claim.state for claim in claims] == ["granted", "granted", "settled"]
    assert [claim.answers for claim in claims] == [(), (answer("b"),), ()]


async def test_a_frozen_redis_takes_no_page(store: RedisStore, server: RedisServer) -> None:
    server.freeze()
    await away(lambda: store.write(page(claims="a")), WRITE_S)
    await away(lambda: store.reset_breaker(WorkloadClass.BATCH, accept=True), ANSWER_S)
    server.thaw()
    # The page that was given up may have been taken: written again, it says the same.
    (claim,) = await store.write(page(claims="a"))
    assert (claim.state, claim.deliveries) == ("granted", 1)


async def test_nothing_listens() -> None:
    port = free_port()
    message = await away(RedisStore(f"redis://127.0.0.1:{port}/0", "shop").start, START_S)
    assert message.startswith(f"redis://127.0.0.1:{port}/0: ")
    assert "refused" in message or "failed" in message


async def test_a_frozen_redis_does_not_hold_the_start(server: RedisServer) -> None:
    server.freeze()
    store = RedisStore(server.url, "shop")
    assert await away(store.start, START_S) == f"{server.url}: no answer in 5 s"
    await away(lambda: store.exchange(ask()), 0)
    server.thaw()
    await store.start()
    assert (await store.exchange(ask(want()))).granted == [0]
    await store.stop()


async def test_a_store_that_was_stopped_is_away(store: RedisStore) -> None:
    await store.stop()
    assert "is not open" in await away(lambda: store.exchange(ask()), 0)


async def test_stopping_a_frozen_redis_is_quick(store: RedisStore, server: RedisServer) -> None:
    server.freeze()
    async with asyncio.timeout(2):
        await store.stop()
    server.thaw()
