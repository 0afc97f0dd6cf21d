"""S1 and S2: four classes on one small budget, every class inside its deadline.

S1: 150 bulk calls at once, then live traffic for 80 s. S2, size inversion: 1,500 small bulk calls
against large urgent ones. 24,000 output tokens a minute with a burst of a minute; 80 tokens a
second a call, 0.4 s to the first. Used: output emitted from the first admission to second 80,
divided by the capacity of that time.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import uvloop
from api import DEADLINES_S, Answered, Api, allocation, answered, client, request, simulator

from agents.claude.gateway import Gateway
from agents.simulator import Limits
from schemas.observation import Silent
from schemas.workload import WorkloadClass

LIVE_S = 80.0
SEED = 7
FIRST_TOKEN_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Calls of one class: so many at once, then so many a second."""

    workload: WorkloadClass
    input_tokens: int
    output_tokens: int
    at_once: int = 0
    per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One of the two works."""

    name: str
    limits: Limits
    streams: tuple[Stream, ...]


def _limits(requests_per_minute: int) -> Limits:
    return Limits(
        requests_per_minute=requests_per_minute,
        input_tokens_per_minute=120_000,
        output_tokens_per_minute=24_000,
        burst_s=60,
    )


REALTIME, INTERACTIVE, TRANSACTIONAL, BATCH = WorkloadClass
S1 = Work(
    name="S1",
    limits=_limits(240),
    streams=(
        Stream(workload=BATCH, input_tokens=1200, output_tokens=300, at_once=150),
        Stream(workload=REALTIME, input_tokens=200, output_tokens=30, per_s=1),
        Stream(workload=INTERACTIVE, input_tokens=800, output_tokens=200, per_s=0.3),
        Stream(workload=TRANSACTIONAL, input_tokens=1500, output_tokens=250, per_s=0.2),
    ),
)
S2 = Work(
    name="S2",
    limits=_limits(1200),
    streams=(
        Stream(workload=BATCH, input_tokens=150, output_tokens=60, at_once=1500),
        Stream(workload=REALTIME, input_tokens=200, output_tokens=30, per_s=1),
        Stream(workload=INTERACTIVE, input_tokens=2500, output_tokens=300, per_s=0.3),
        Stream(workload=TRANSACTIONAL, input_tokens=2500, output_tokens=300, per_s=0.2),
    ),
)


def arrivals(stream: Stream) -> Iterable[float]:
    """Return when the calls of a stream come: at once, then as a Poisson process."""
    yield from (0.0 for _ in range(stream.at_once))
    random, at = Random(f"{SEED}{stream.workload}"), 0.0  # noqa: S311 - a seeded load
    while stream.per_s and (at := at + random.expovariate(stream.per_s)) < LIVE_S:
        yield at


async def run(work: Work, *, known: bool) -> None:
    """Measure one work."""
    settings = {"time_to_first_token_s": FIRST_TOKEN_S, "tokens_per_s": 80.0, "tail": 0.0}
    async with simulator(work.limits, **settings) as api, client(api) as sdk:
        gateway = Gateway(sdk, allocation(work.limits if known else None), Silent())
        ended: list[Answered] = []

        async def one(stream: Stream, number: int, at: float) -> None:
            await asyncio.sleep(at)
            name = f"{work.name}.{stream.workload}"
            asked = request(name, number, stream.input_tokens, stream.output_tokens)
            ended.append(await answered(gateway, asked, stream.workload))

        calls = [
            asyncio.create_task(one(stream, number, at))
            for stream in work.streams
            for number, at in enumerate(arrivals(stream))
        ]
        await asyncio.sleep(LIVE_S)
        used = await _used(api, work)
        await asyncio.wait(calls, timeout=DEADLINES_S[WorkloadClass.TRANSACTIONAL])
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        totals = await api.totals()
        gateway.lines.stop()
    print(
        f"{work.name}, limits {'known' if known else 'learned'}: 429s {totals['rejected_429']},"
        f" output tokens used {used:.3f}",
        flush=True,
    )
    for stream in work.streams:
        deadline_s = min(DEADLINES_S[stream.workload], 1e9)
        asked = sum(1 for _ in arrivals(stream))
        own = [e for e in ended if e.workload is stream.workload]
        late = sum(e.ended_at - e.asked_at > deadline_s for e in own)
        inside = asked - late if stream.at_once else len(own) - late  # bulk has a day
        slowest = max((e.ended_at - e.asked_at for e in own), default=0.0)
        print(
            f"  {stream.workload:14} {inside:5} of {asked:5} inside {deadline_s:,.0f} s"
            f" ({inside / asked:.3f}), slowest {slowest:6.2f} s",
            flush=True,
        )


async def _used(api: Api, work: Work) -> float:
    """Return the output emitted by now, by the simulator's ledger and the calls still running."""
    entries = await api.ledger()
    first = min(e["arrived_s"] for e in entries)
    until = first + LIVE_S
    tokens = sum(
        e["output_tokens"] * _emitted(e, until)
        for e in await _all(api)
        if e["admitted"] and e["arrived_s"] < until
    )
    rate = work.limits.output_tokens_per_minute / 60
    return tokens / (rate * (work.limits.burst_s + LIVE_S))


def _emitted(entry: dict[str, float], until: float) -> float:
    """Return which part of an answer was out by then: it flows evenly after the first token."""
    first_token, finished = entry["arrived_s"] + FIRST_TOKEN_S, entry["finished_s"]
    if finished <= until:
        return 1.0
    return max(0.0, (until - first_token) / max(finished - first_token, 1e-9))


async def _all(api: Api) -> list[dict[str, float]]:
    """Wait until the calls in the air are over, and return every entry."""
    await asyncio.sleep(10)
    return await api.ledger()


async def main() -> None:
    """Measure both works, with known and with learned limits."""
    for work in (S1, S2):
        for known in (True, False):
            await run(work, known=known)


if __name__ == "__main__":
    uvloop.run(main())
