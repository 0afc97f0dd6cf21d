"""The simulator in a process of its own, and calls of a known size."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
import orjson
import uvloop
from pydantic import create_model

from agents.budget.allocation import Allocation
from agents.claude.client import Client
from agents.claude.gateway import Gateway, Place
from agents.claude.retry import Retry
from agents.simulator import Limits, Simulator, SimulatorSettings
from schemas.base import OutputModel
from schemas.lease import Rules
from schemas.outcome import Progress
from schemas.request import Block, Reply, Request, Turn
from schemas.workload import WorkloadClass

MODEL = "claude-haiku-5-5"
KEY = "sk-ant-bench"
BYTES_PER_TOKEN = 3.5 / 1.3
"""How the simulator counts the tokens of a prompt."""


class Api:
    """A running simulator, read and steered over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def totals(self) -> dict[str, Any]:
        """Return its exact sums."""
        return dict(orjson.loads(await self._get("totals")))

    async def ledger(self, after: int = 0) -> list[dict[str, Any]]:
        """Return its entries."""
        lines = (await self._get(f"ledger?after={after}")).splitlines()
        return [orjson.loads(line) for line in lines]

    async def set_limits(self, **limits: float) -> None:
        """Change the limits of all models."""
        url = f"{self.url}/_simulator/limits"
        async with aiohttp.ClientSession() as session, session.post(url, json=limits) as response:
            response.raise_for_status()

    async def _get(self, path: str) -> bytes:
        url = f"{self.url}/_simulator/{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.read()


@asynccontextmanager
async def simulator(limits: Limits, **settings: Any) -> AsyncIterator[Api]:  # noqa: ANN401 - any simulator setting
    """Run a simulator in another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    chosen = SimulatorSettings(limits=limits, **settings)
    process = context.Process(target=_serve, args=(theirs, chosen), daemon=True)
    process.start()
    try:
        yield Api(await asyncio.to_thread(ours.recv))
    finally:
        ours.send("stop")
        await asyncio.to_thread(process.join, 10)


def _serve(pipe: Connection, settings: SimulatorSettings) -> None:
    async def run() -> None:
        done = asyncio.Event()
        async with Simulator(settings) as running:
            asyncio.get_running_loop().add_reader(pipe.fileno(), done.set)
            pipe.send(running.url)
            await done.wait()

    uvloop.run(run())


@cache
def _output(words: int) -> type[OutputModel]:
    """Return a model whose answers are longer than so many words."""
    fields: dict[str, Any] = {f"paragraph_{n}": (str, ...) for n in range(max(1, words // 8))}
    return create_model(f"Answer{words}", __base__=OutputModel, **fields)


def request(task: str, number: int, input_tokens: int, output_tokens: int) -> Request:
    """Return a request of so many tokens; the answer is cut at its own length."""
    head = f"Event {number} of {task}. "
    text = (head + "parcel late again " * input_tokens)[: int(input_tokens * BYTES_PER_TOKEN)]
    return Request(
        task=task,
        model=MODEL,
        system=(Block(text="Describe it."),),
        turns=(Turn(role="user", text=text),),
        output=_output(output_tokens),
        max_output_tokens=output_tokens,
        timeout_s=120,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One call that got its answer; seconds of the monotonic clock."""

    workload: WorkloadClass
    asked_at: float
    ended_at: float
    waited_s: float
    """Not spent in the call itself: the budget, and our own overhead."""
    output_tokens: int


async def answered(gateway: Gateway, asked: Request, workload: WorkloadClass) -> Answered:
    """Call until there is an answer, as the runner does."""
    asked_at, deadline = time.monotonic(), time.time() + DEADLINES_S[workload]
    place = Place(workload=workload, deadline=deadline)
    while True:
        sent: list[float] = []
        reply = await gateway.call(
            asked, place, Progress(), on_send=lambda sent=sent: sent.append(time.monotonic())
        )
        if isinstance(reply, Reply):
            ended_at = time.monotonic()
            return Answered(
                workload=workload,
                asked_at=asked_at,
                ended_at=ended_at,
                waited_s=ended_at - asked_at - reply.duration_s,
                output_tokens=reply.usage.output_tokens,
            )
        assert isinstance(reply, Retry), reply
        await asyncio.sleep(reply.after_s)


DEADLINES_S = {
    WorkloadClass.REALTIME: 5.0,
    WorkloadClass.INTERACTIVE: 10.0,
    WorkloadClass.TRANSACTIONAL: 60.0,
    WorkloadClass.BATCH: 86_400.0,
}


def client(api: Api) -> Client:
    """Return a client of the simulator."""
    return Client(api_key=KEY, base_url=api.url)


def allocation(limits: Limits | None) -> Allocation:
    """Return the configured limits; None: none are."""
    if limits is None:
        return Allocation()
    ceilings = [
        float(limits.requests_per_minute),
        float(limits.input_tokens_per_minute),
        float(limits.output_tokens_per_minute),
    ]
    return Allocation(budgets={(MODEL,): Rules(ceilings=ceilings)})
