"""A running simulator for each test that wants one, and a client that speaks plain HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import orjson
import pytest

from agents.simulator import Simulator, SimulatorSettings

HEADERS = {"authorization": "Bearer sk-test", "anthropic-version": "2026-10-21"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> dict:  # type: ignore[type-arg] # any JSON object
        return orjson.loads(self.raw)

    @property
    def message(self) -> str:
        return self.json["error"]["message"]

    @property
    def text(self) -> str:
        return next(block["text"] for block in self.json["content"] if block["type"] == "text")

    @property
    def output(self) -> object:
        return orjson.loads(self.text)


class Client:
    """Sends bodies as they are, over real connections."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    async def send(
        self,
        body: object = None,
        *,
        method: str = "POST",
        path: str = "/v1/messages",
        headers: Mapping[str, str] = HEADERS,
    ) -> Answer:
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        url = self.simulator.url + path
        async with self.session.request(method, url, data=data, headers=headers) as response:
            raw = await response.read()
            return Answer(status=response.status, headers=response.headers, raw=raw)

    async def get(self, path: str) -> Answer:
        return await self.send(method="GET", path=path)


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(**settings: object) -> Client:
            settings = {"time_scale": 0.0, **settings}
            simulator = await stack.enter_async_context(Simulator(SimulatorSettings(**settings)))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
            )
            return Client(simulator, session)

        yield start


@pytest.fixture
async def client(serve: Serve) -> Client:
    return await serve()


@pytest.fixture
def ask() -> Callable[..., dict]:  # type: ignore[type-arg] # any JSON object
    """A valid body; keyword arguments change it, None takes a key away."""

    def body(text: str = "Where is my parcel?", **changes: object) -> dict:  # type: ignore[type-arg]
        valid: dict[str, object] = {
            "model": "claude-haiku-5-5",
            "max_tokens": 256,
            "messages": [{"role": "user", "content": text}],
            "thinking": {"type": "disabled"},
        }
        merged = valid | changes
        return {key: value for key, value in merged.items() if value is not None}

    return body


@pytest.fixture
def formatted(ask: Callable[..., dict]) -> Callable[..., dict]:  # type: ignore[type-arg]
    """A valid body with an output schema, given by its properties; all are required."""

    def body(properties: dict[str, object], text: str = "hello", **changes: object) -> dict:  # type: ignore[type-arg]
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        output = {"format": {"type": "json_schema", "schema": schema}}
        return ask(text, output_config=output, **changes)

    return body
