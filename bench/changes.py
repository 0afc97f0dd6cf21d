"""What nobody told us: no limits configured, a second client on the same key, limits that change.

6,000 requests a minute throughout, a burst of 10 s, 350 ms to the first token; the work is more
than the limit allows all the time.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import uvloop
from api import KEY, MODEL, Api, allocation, answered, client, request, simulator

from agents.claude.gateway import Gateway
from agents.simulator import Limits
from schemas.observation import Silent
from schemas.workload import WorkloadClass

LIMITS = Limits(
    requests_per_minute=6_000,
    input_tokens_per_minute=10**8,
    output_tokens_per_minute=10**8,
    burst_s=10,
)
RATE = LIMITS.requests_per_minute / 60
IN_FLIGHT = 300
HIDDEN = "hidden"


@asynccontextmanager
async def saturated(limits: Limits, *, known: bool) -> AsyncIterator[Api]:
    """Keep more calls waiting than the limits allow."""
    async with simulator(limits, time_to_first_token_s=0.35, tail=0) as api, client(api) as sdk:
        gateway = Gateway(sdk, allocation(limits if known else None), Silent())

        async def work(worker: int) -> None:
            for number in range(10**6):
                asked = request("small", worker * 10**6 + number, 60, 8)
                await answered(gateway, asked, WorkloadClass.BATCH)

        tasks = [asyncio.create_task(work(worker)) for worker in range(IN_FLIGHT)]
        try:
            yield api
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            gateway.lines.stop()


async def measured(api: Api, seconds: float) -> tuple[float, int]:
    """Return our admitted requests a second, and our 429s, over the next seconds."""
    after = max((e["id"] for e in await api.ledger()), default=0)
    began = time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - began
    ours = [e for e in await api.ledger(after) if not e["last_user_text"].startswith(HIDDEN)]
    return sum(e["admitted"] for e in ours) / took_s, sum(e["status"] == 429 for e in ours)  # noqa: PLR2004 - the HTTP status


async def unknown() -> None:
    """No limits configured: 0.95 of the true limit within three minutes."""
    for burst_s in (1, 10, 60):
        async with saturated(replace(LIMITS, burst_s=burst_s), known=False) as api:
            for second in (10, 20, 30):
                used, refused = await measured(api, 10)
                print(
                    f"no limits, burst {burst_s:2} s: second {second - 10:3} to {second:3}"
                    f" {used / RATE:.3f} of the rate, 429s {refused}",
                    flush=True,
                )


async def second_client() -> None:
    """Let a hidden client take a growing part of the key."""
    async with saturated(LIMITS, known=True) as api:
        await asyncio.sleep(15)  # the burst is spent
        for share in (0.0, 0.2, 0.4, 0.6, 0.3, 0.0):
            hidden = asyncio.create_task(_hidden(api, share * RATE))
            used, refused = await measured(api, 20)
            hidden.cancel()
            print(
                f"second client takes {share:.1f}: we use {used / RATE / (1 - share):.3f} of the"
                f" rest, our 429s {refused}",
                flush=True,
            )


async def _hidden(api: Api, per_s: float) -> None:
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        number = 0
        while True:
            if not per_s:
                await asyncio.sleep(1)
                continue
            body = {
                "model": MODEL,
                "max_tokens": 4,
                "messages": [{"role": "user", "content": f"{HIDDEN} {time.time()} {number}"}],
            }
            group.create_task(_post(session, f"{api.url}/v1/messages", body))
            number += 1
            await asyncio.sleep(1 / per_s)


async def _post(session: aiohttp.ClientSession, url: str, body: object) -> None:
    async with session.post(url, json=body) as response:
        await response.read()


async def halved_and_doubled() -> None:
    """Halve the limits, then double them, while running."""
    async with saturated(LIMITS, known=False) as api:
        await asyncio.sleep(15)
        for name, factor in (("as before", 1.0), ("halved", 0.5), ("doubled", 1.0), ("more", 2.0)):
            limits = replace(LIMITS, requests_per_minute=int(6_000 * factor))
            await api.set_limits(
                requests_per_minute=limits.requests_per_minute,
                input_tokens_per_minute=limits.input_tokens_per_minute,
                output_tokens_per_minute=limits.output_tokens_per_minute,
                burst_s=limits.burst_s,
            )
            rows = [await measured(api, 10) for _ in range(3)]
            shares = " ".join(f"{used / RATE / factor:.3f}" for used, _ in rows)
            refused = sum(refused for _, refused in rows)
            print(f"limits {name}: {shares} of the new rate by 10 s, 429s {refused}", flush=True)


PARTS: dict[str, Callable[[], Awaitable[None]]] = {
    "unknown": unknown,
    "second": second_client,
    "changed": halved_and_doubled,
}


async def main() -> None:
    """Measure all parts, or those named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    for part in parser.parse_args().parts or PARTS:
        await PARTS[part]()


if __name__ == "__main__":
    uvloop.run(main())
