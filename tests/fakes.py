"""Stand-ins with real behaviour: a clock, a listener, a Claude that follows a script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import orjson
from aiohttp import web
from anyio.lowlevel import checkpoint

from agents.claude.gateway import Place
from agents.claude.retry import GiveUp, Retry
from schemas.dead_letter import Stage
from schemas.observation import Observation
from schemas.outcome import Progress
from schemas.request import Reply, Request

Fact = TypeVar("Fact")

# A fact that is not there after so long will not come.
PATIENCE_S = 5.0


async def until(fact: Callable[[], bool]) -> None:
    """Let other tasks run until the fact is there."""
    clock = asyncio.get_running_loop().time
    end = clock() + PATIENCE_S
    while not fact():
        assert clock() < end, "the fact did not come"
        await checkpoint()


class ManualClock:
    """Seconds that pass only when told."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        self.now += seconds
        return self.now


class Steady(Random):
    """A random source whose answers always lie at one point of the range."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self._share = share

    def random(self) -> float:
        return self._share


class Recorder:
    """An observer that keeps all facts in order."""

    def __init__(self) -> None:
        self.facts: list[Observation] = []

    def observe(self, fact: Observation) -> None:
        self.facts.append(fact)

    def of(self, kind: type[Fact]) -> list[Fact]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a client's script. With a gate, the answer waits for it.

    Without a status, it is that of the error, or 200.
    """

    result: Reply | Exception
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[str, ...] = ()
    gate: asyncio.Event | None = None
    gate_behind_headers: asyncio.Event | None = None
    took_s: float = 0.0


class ScriptedClient:
    """A `Caller` that answers each request with the next step of its script."""

    def __init__(self, *script: Reply | Exception | Step) -> None:
        self._script = [s if isinstance(s, Step) else Step(result=s) for s in script]
        self.requests: list[Request] = []

    async def send(
        self,
        request: Request,
        *,
        hear: Callable[[int, Mapping[str, str], float], None],
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        self.requests.append(request)
        step = self._script.pop(0)
        if step.gate:
            await step.gate.wait()
        status = getattr(step.result, "status", 200) if step.status is None else step.status
        if status:  # a connection that fails brings no headers
            hear(status, step.headers, step.took_s)
        if step.gate_behind_headers:
            await step.gate_behind_headers.wait()
        for piece in step.pieces if on_text else ():
            on_text(piece)  # type: ignore[misc] # the line above asks for it
        if isinstance(step.result, Exception):
            raise step.result
        return step.result


class ScriptedCalls:
    """A gateway for the pipeline that answers from a script and keeps what it was asked.

    An answer of the reserve stage is no call: nothing was sent. With a clock, `wait_s` pass in
    line and `call_s` in each call.
    """

    def __init__(
        self,
        *script: Reply | Retry | GiveUp | Exception,
        clock: ManualClock | None = None,
        wait_s: float = 0.0,
        call_s: float = 0.0,
    ) -> None:
        self._script = list(script)
        self._clock, self._wait_s, self._call_s = clock or ManualClock(), wait_s, call_s
        self.requests: list[Request] = []
        self.progress: list[Progress] = []

    async def call(
        self,
        request: Request,
        place: Place,  # noqa: ARG002 - part of the protocol
        progress: Progress,
        on_send: Callable[[], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply | Retry | GiveUp:
        self.requests.append(request)
        self.progress.append(progress)
        answer = self._script.pop(0)
        self._clock.advance(self._wait_s)
        if isinstance(answer, Retry | GiveUp) and answer.failure.stage is Stage.RESERVE:
            return answer
        if on_send:
            on_send()
        self._clock.advance(self._call_s)
        if on_text and isinstance(answer, Reply):
            on_text(answer.text)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response of the API. `cut` drops the connection behind `body`, `hang` never answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut: bool = False
    hang: bool = False


class ScriptedApi:
    """A Claude API over real HTTP that gives its answers in order and keeps the requests."""

    def __init__(self, *script: Answer) -> None:
        self._script = list(script)
        self._over = asyncio.Event()
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.peers: list[Any] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedApi"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self._over.set()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        content = await request.read()
        if content:
            self.bodies.append(orjson.loads(content))
        answer = self._script.pop(0)
        if answer.hang:
            await self._over.wait()
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type = answer.content_type
        if answer.cut:
            # A promised length that never comes is what a broken connection looks like.
            response.content_length = len(answer.body) + 1000
        await response.prepare(request)
        await response.write(answer.body)
        if answer.cut and request.transport:
            request.transport.close()
        return response
