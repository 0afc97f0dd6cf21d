"""A client that speaks plain HTTP to a running simulator."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
import orjson

from agents.simulator import Simulator

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


Ask = Callable[..., dict[str, object]]
"""Makes a body."""
Serve = Callable[..., Awaitable[Client]]
"""Starts a simulator with the given settings."""
