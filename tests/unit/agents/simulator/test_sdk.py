"""The real SDK against the simulator: what it makes of every kind of answer."""

import json
from collections.abc import AsyncIterator

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from agents.simulator import Fault, FaultKind
from tests.unit.agents.simulator.client import Client

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["billing", "delivery"]}},
    "required": ["label"],
    "additionalProperties": False,
}
ASKED = {
    "model": "claude-haiku-5-5",
    "max_tokens": 300,
    "messages": [{"role": "user", "content": "my parcel is late"}],
    "thinking": {"type": "disabled"},
}


@pytest.fixture
async def sdk(client: Client) -> AsyncIterator[AsyncAnthropic]:
    made = AsyncAnthropic(
        api_key="sk-test",
        base_url=client.simulator.url,
        max_retries=0,
        timeout=20,
        http_client=anthropic.DefaultAioHttpClient(),
    )
    yield made
    await made.close()


async def test_plain(sdk: AsyncAnthropic, client: Client) -> None:
    message = await sdk.messages.create(**ASKED)
    assert message.stop_reason == "end_turn"
    assert "delivery" in message.content[0].text
    assert message._request_id == client.simulator.ledger.entries[0].request_id


async def test_structured(sdk: AsyncAnthropic) -> None:
    output = {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    message = await sdk.messages.create(**ASKED, output_config=output)
    assert json.loads(message.content[0].text) == {"label": "delivery"}


async def test_stream(sdk: AsyncAnthropic) -> None:
    async with sdk.messages.stream(**{**ASKED, "thinking": {"type": "adaptive"}}) as stream:
        texts = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert len(texts) > 5
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert "".join(texts) == message.content[1].text
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 1


async def test_models_and_counting(sdk: AsyncAnthropic) -> None:
    models = [model.id async for model in sdk.models.list(limit=5)]
    assert "claude-haiku-5-5" in models
    assert (await sdk.models.retrieve("claude-haiku-5-5")).line == "haiku"
    messages = ASKED["messages"]
    count = await sdk.messages.count_tokens(model="claude-haiku-5-5", messages=messages)
    assert count.input_tokens == 11


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.RATE_LIMITED, anthropic.RateLimitError),
        (FaultKind.RAMP_LIMITED, anthropic.RampLimitExceededError),
        (FaultKind.SPEND_LIMITED, anthropic.EnforcedSpendLimitReachedError),
        (FaultKind.UNAUTHORIZED, anthropic.AuthenticationError),
        (FaultKind.FORBIDDEN, anthropic.PermissionDeniedError),
        (FaultKind.ERROR_500, anthropic.InternalServerError),
        (FaultKind.ERROR_503, anthropic.ServiceUnavailableError),
        (FaultKind.ERROR_504, anthropic.GatewayTimeoutError),
        (FaultKind.OVERLOADED_529, anthropic.OverloadedError),
        (FaultKind.HTML_502, anthropic.InternalServerError),
        (FaultKind.USAGE_LIMIT_400, anthropic.BadRequestError),
        (FaultKind.BAD_REQUEST_400, anthropic.BadRequestError),
        (FaultKind.TOO_LARGE_413, anthropic.ContentTooLargeError),
        (FaultKind.RESET_BEFORE_HEADERS, anthropic.APIConnectionError),
        (FaultKind.MALFORMED_JSON, json.JSONDecodeError),
    ],
)
async def test_errors(
    sdk: AsyncAnthropic, client: Client, kind: FaultKind, error: type[Exception]
) -> None:
    client.simulator.script(Fault(kind, times=1))
    with pytest.raises(error):
        await sdk.messages.create(**ASKED)
    assert (await sdk.messages.create(**ASKED)).stop_reason == "end_turn"


async def test_a_cut_stream(sdk: AsyncAnthropic, client: Client) -> None:
    client.simulator.script(Fault(FaultKind.CUT_STREAM))
    async with sdk.messages.stream(**ASKED) as stream:
        with pytest.raises(httpx2.TransportError):
            await stream.get_final_message()


async def test_an_error_in_a_stream(sdk: AsyncAnthropic, client: Client) -> None:
    client.simulator.script(Fault(FaultKind.ERROR_EVENT))
    async with sdk.messages.stream(**ASKED) as stream:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await stream.get_final_message()
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


async def test_a_stream_without_an_end(sdk: AsyncAnthropic, client: Client) -> None:
    client.simulator.script(Fault(FaultKind.NO_MESSAGE_STOP))
    async with sdk.messages.stream(**ASKED) as stream:
        assert (await stream.get_final_message()).stop_reason is None


async def test_retries_of_the_sdk_are_counted(client: Client) -> None:
    client.simulator.script(Fault(FaultKind.OVERLOADED_529, times=1))
    retrying = AsyncAnthropic(api_key="k", base_url=client.simulator.url, max_retries=1, timeout=20)
    assert (await retrying.messages.create(**ASKED)).stop_reason == "end_turn"
    await retrying.close()
    assert [entry.retry_count for entry in client.simulator.ledger.entries] == [0, 1]
