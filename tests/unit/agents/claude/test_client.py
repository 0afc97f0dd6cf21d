import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agents.claude.client import Client
from agents.claude.errors import ClaudeError, Interrupted, Misconfigured
from schemas.request import Reply, Request
from schemas.usage import Usage
from tests.builders import GOOD, message, request, sse, stream
from tests.fakes import Answer, ManualClock, ScriptedApi

STREAMED = request(stream=True, timeout_s=10)
PLAIN = request(timeout_s=10)
SSE = "text/event-stream"
LIMITS = {"anthropic-ratelimit-requests-limit": "50", "request-id": "req_7"}


async def sent(
    answer: Answer, asked: Request = PLAIN, heard: list[Mapping[str, str]] | None = None
) -> Reply:
    """Make one call through the SDK to an API that gives this answer."""
    seen = [] if heard is None else heard
    async with (
        ScriptedApi(answer).running() as api,
        Client(api_key="k", base_url=api.url, clock=ManualClock()) as client,
    ):
        return await client.send(asked, hear=seen.append)


async def failed(answer: Answer, asked: Request = PLAIN) -> ClaudeError:
    with pytest.raises(ClaudeError) as caught:
        await sent(answer, asked)
    return caught.value


async def test_answer_becomes_a_reply() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 4,
        "cache_read_input_tokens": 300,
        "cache_creation_input_tokens": None,
        "something_new": {"x": 1},
    }
    found = await sent(Answer(body=message(usage=usage), headers=LIMITS))
    assert (found.text, found.stop_reason, found.request_id) == (GOOD, "end_turn", "req_7")
    assert found.usage == Usage(input_tokens=10, cache_read_input_tokens=300, output_tokens=4)
    assert found.cost_nanousd == 10 * 100 + 300 * 10 + 4 * 500


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "thinking", "thinking": "", "signature": "x"}, {"type": "text", "text": GOOD}],
        [{"type": "something_new"}, {"type": "text", "text": GOOD, "citations": None}],
        [{"type": "text", "text": GOOD[:5]}, {"type": "text", "text": GOOD[5:]}],
    ],
)
async def test_text_is_picked_by_type_and_not_by_place(content: list[Any]) -> None:
    assert (await sent(Answer(body=message(content=content)))).text == GOOD


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "something_new"])
async def test_any_stop_reason_is_passed_on(reason: str) -> None:
    found = await sent(Answer(body=message(content=[], stop_reason=reason)))
    assert (found.stop_reason, found.text) == (reason, "")


async def test_request_goes_out_as_the_api_wants_it() -> None:
    async with (
        ScriptedApi(Answer(body=message())).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.send(PLAIN, hear=lambda _: None)
    (body,) = api.bodies
    assert api.paths == ["/v1/messages"]
    assert (body["model"], body["max_tokens"]) == ("claude-haiku-5-5", 50)
    assert body["thinking"] == {"type": "disabled"}
    assert body["output_config"]["effort"] == "low"
    assert "stream" not in body


@pytest.mark.parametrize("status", [200, 400, 429, 529])
async def test_headers_are_heard_whatever_the_status(status: int) -> None:
    heard: list[Mapping[str, str]] = []
    answer = Answer(status=status, body=message(), headers=LIMITS)
    if status == 200:
        await sent(answer, heard=heard)
    else:
        with pytest.raises(ClaudeError):
            await sent(answer, heard=heard)
    assert [headers["anthropic-ratelimit-requests-limit"] for headers in heard] == ["50"]


async def test_each_call_hears_its_own_headers() -> None:
    answers = [Answer(body=message(), headers={"request-id": str(n)}) for n in range(4)]
    async with (
        ScriptedApi(*answers).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        heard: list[list[Any]] = [[] for _ in answers]
        calls = [client.send(PLAIN, hear=ears.append) for ears in heard]
        replies = await asyncio.gather(*calls)
    for ears, found in zip(heard, replies, strict=True):
        assert [headers["request-id"] for headers in ears] == [found.request_id]


async def test_call_hears_nothing_of_what_comes_after_it() -> None:
    heard: list[Mapping[str, str]] = []
    models = Answer(body=b'{"data":[],"has_more":false}')
    async with (
        ScriptedApi(Answer(body=message()), models).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.send(PLAIN, hear=heard.append)
        await client.check()
    assert len(heard) == 1


async def test_streamed_answer_is_put_together_and_passed_on_in_pieces() -> None:
    pieces: list[str] = []
    body = sse(stream(GOOD[:6], GOOD[6:], output_tokens=33))
    async with (
        ScriptedApi(Answer(body=body, content_type=SSE, headers=LIMITS)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        found = await client.send(STREAMED, hear=lambda _: None, on_text=pieces.append)
    assert pieces == [GOOD[:6], GOOD[6:]]
    assert (found.text, found.stop_reason, found.request_id) == (GOOD, "end_turn", "req_7")
    assert found.usage == Usage(input_tokens=9, output_tokens=33)  # the last count overwrites
    assert api.bodies[0]["stream"] is True


async def test_unknown_events_and_deltas_of_a_stream_are_ignored() -> None:
    events = stream(GOOD)
    thought = {"type": "thinking_delta", "thinking": "hm"}
    events.insert(2, {"type": "something_new", "x": 1})
    events.insert(3, {"type": "content_block_delta", "index": 0, "delta": thought})
    assert (await sent(Answer(body=sse(events), content_type=SSE), STREAMED)).text == GOOD


async def test_refusal_in_a_stream_is_a_reply() -> None:
    body = sse(stream("I ca", stop_reason="refusal"))
    assert (await sent(Answer(body=body, content_type=SSE), STREAMED)).stop_reason == "refusal"


async def test_duration_is_measured_by_the_given_clock() -> None:
    assert (await sent(Answer(body=message()))).duration_s == 0


@pytest.mark.parametrize("asked", [PLAIN, STREAMED], ids=["plain", "streamed"])
async def test_silence_ends_at_the_timeout_of_the_request(asked: Request) -> None:
    error = await failed(Answer(hang=True), replace(asked, timeout_s=0.05))
    assert isinstance(error, Interrupted)
    assert error.error_type == "timeout"


async def test_key_is_checked_by_asking_for_the_models() -> None:
    async with (
        ScriptedApi(Answer(body=b'{"data":[],"has_more":false}')).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.check()
    assert api.paths == ["/v1/models"]


async def test_refused_key_is_told_apart() -> None:
    async with (
        ScriptedApi(Answer(status=401)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        with pytest.raises(Misconfigured):
            await client.check()


async def test_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with Client(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(Misconfigured, match="set ANTHROPIC_API_KEY"):
            await client.send(PLAIN, hear=lambda _: None)


async def test_key_is_in_nothing_that_is_shown() -> None:
    async with Client(api_key="sk-ant-canary", base_url="http://127.0.0.1:9") as client:
        assert "canary" not in repr(client)
