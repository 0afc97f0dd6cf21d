"""A running simulator for each test that wants one, and bodies to send to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from agents.simulator import Simulator, SimulatorSettings
from tests.unit.agents.simulator.client import Ask, Client, Serve


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
def ask() -> Ask:
    """A valid body; keyword arguments change it, None takes a key away."""

    def body(text: str = "Where is my parcel?", **changes: object) -> dict[str, object]:
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
def formatted(ask: Ask) -> Ask:
    """A valid body with an output schema, given by its properties; all are required."""

    def body(
        properties: dict[str, object], text: str = "hello", **changes: object
    ) -> dict[str, object]:
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        output = {"format": {"type": "json_schema", "schema": schema}}
        return ask(text, output_config=output, **changes)

    return body
