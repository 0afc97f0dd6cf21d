"""3,000 small calls at once under 6,000 requests a minute and a burst of one second.

Others stand beside us in one run, with the same simulator, calls and client library: the SDK's own
retries, and a well-kept request limiter. The capacity is the burst plus the rate times the time;
what is reached is calls divided by the capacity of the time until the last answer, so the tail of
the last reply counts. It is given without the burst as well.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx2
import uvloop
from aiolimiter import AsyncLimiter
from anthropic import APIStatusError, AsyncAnthropic, DefaultAioHttpClient
from api import KEY, Api, allocation, answered, client, request, simulator

from agents.budget.allocation import Allocation
from agents.claude.client import wire
from agents.claude.gateway import Gateway
from agents.simulator import Limits
from schemas.observation import Silent
from schemas.workload import WorkloadClass

LIMITS = Limits(
    requests_per_minute=6_000,
    input_tokens_per_minute=10**8,
    output_tokens_per_minute=10**8,
    burst_s=1,
)
CALLS = 3_000
RATE = LIMITS.requests_per_minute / 60
Peer = Callable[[Api], Awaitable[int]]


async def known(api: Api) -> int:
    """Make the calls through our gateway, with the limits in the settings."""
    return await _ours(api, allocation(LIMITS))


async def learned(api: Api) -> int:
    """Make them with nothing in the settings."""
    return await _ours(api, Allocation())


async def _ours(api: Api, chosen: Allocation) -> int:
    async with client(api) as sdk:
        await sdk.warm(8)
        gateway = Gateway(sdk, chosen, Silent())
        calls = (
            answered(gateway, request("small", n, 60, 8), WorkloadClass.BATCH) for n in range(CALLS)
        )
        done = len(await asyncio.gather(*calls))
        gateway.lines.stop()
    return done


async def sdk_retries(api: Api) -> int:
    """Let the SDK's retries do it, ten at most."""
    return await _all(_sdk(api, retries=10), None)


async def aiolimiter(api: Api) -> int:
    """Pace by a leaky bucket that holds nine tenths of a second, which avoids most 429s."""
    return await _all(_sdk(api, retries=2), AsyncLimiter(RATE * 0.9, 0.9))


def _sdk(api: Api, retries: int) -> AsyncAnthropic:
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    return AsyncAnthropic(
        api_key=KEY,
        base_url=api.url,
        max_retries=retries,
        http_client=DefaultAioHttpClient(limits=limits),
        timeout=httpx2.Timeout(600, pool=600),
    )


async def _all(sdk: AsyncAnthropic, limiter: AsyncLimiter | None) -> int:
    async def one(number: int) -> bool:
        if limiter:
            await limiter.acquire()
        try:
            await sdk.messages.create(**wire(request("small", number, 60, 8)))
        except APIStatusError:
            return False
        return True

    answers = await asyncio.gather(*(one(n) for n in range(CALLS)))
    await sdk.close()
    return sum(answers)


async def main() -> None:
    """Measure everybody in each row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ms", type=int, action="append")
    peers: dict[str, Peer] = {
        "headrace, limits known": known,
        "headrace, limits learned": learned,
        "aiolimiter": aiolimiter,
        "SDK, 10 retries": sdk_retries,
    }
    for ms in parser.parse_args().ms or (120, 350, 1100):
        for name, peer in peers.items():
            async with simulator(LIMITS, time_to_first_token_s=ms / 1000, tail=0) as api:
                began = time.monotonic()
                done = await peer(api)
                took_s = time.monotonic() - began
                totals, entries = await api.totals(), await api.ledger()
            last_s = max(e["arrived_s"] for e in entries) - min(e["arrived_s"] for e in entries)
            capacity = RATE * (took_s + LIMITS.burst_s)
            print(
                f"first token {ms:5} ms  {name:24} {took_s:6.2f} s  {done / capacity:.3f} of the"
                f" capacity with its burst ({done / RATE / took_s:.3f} of the rate), last request"
                f" after {last_s:.2f} s, 429s {totals['rejected_429']}, lost {CALLS - done}",
                flush=True,
            )


if __name__ == "__main__":
    uvloop.run(main())
