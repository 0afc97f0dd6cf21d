"""Faults of Redis."""

import asyncio

from redis.asyncio import Redis

from tests.chaos.fault import Blow, Fault

AWAY_S = 10.0


async def redis_killed(blow: Blow) -> list[str]:
    """Kill -9 Redis, start it again with its file after 10 s."""
    redis = blow.arena.redis
    redis.kill()
    await blow.arena.for_s(AWAY_S)
    await asyncio.to_thread(redis.start)
    return []


async def redis_flushed(blow: Blow) -> list[str]:
    """FLUSHALL, twice."""
    client = Redis.from_url(blow.arena.redis.url)
    try:
        for _ in range(2):
            await client.flushall()
            await blow.arena.for_s(AWAY_S / 2)
    finally:
        await client.aclose()
    return []


async def redis_frozen(blow: Blow) -> list[str]:
    """SIGSTOP Redis for 10 s: connections stay, nothing answers."""
    redis = blow.arena.redis
    redis.freeze()
    try:
        await blow.arena.for_s(AWAY_S)
    finally:
        redis.thaw()
    return []


FAULTS = (
    Fault(name="redis-killed", strike=redis_killed),
    Fault(name="redis-flushed", strike=redis_flushed),
    Fault(name="redis-frozen", strike=redis_frozen),
)
