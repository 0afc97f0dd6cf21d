import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
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
NO_MODELS = b'{"data":[],"has_more":false}'
LIMITS = {"anthropic-ratelimit-requests-limit": "50", "request-id": "req_7"}


class Ear:
    """What one call heard."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers: list[Mapping[str, str]] = []
        self.took_s: list[float] = []

    def __call__(self, status: int, headers: Mapping[str, str], took_s: float) -> None:
        self.statuses.append(status)
        self.headers.append(headers)
        self.took_s.append(took_s)


async def sent(answer: Answer, asked: Request = PLAIN, ear: Ear | None = None) -> Reply:
    """Make one call through the SDK to an API that gives this answer."""
    async with (
        ScriptedApi(answer).running() as api,
        Client(api_key="k", base_url=api.url, clock=ManualClock()) as client,
    ):
        return await client.send(asked, hear=ear or Ear())


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
        await client.send(PLAIN, hear=lambda *_: None)
    (body,) = api.bodies
    assert api.paths == ["/v1/messages"]
    assert (body["model"], body["max_tokens"]) == ("claude-haiku-5-5", 50)
    assert body["thinking"] == {"type": "disabled"}
    assert body["output_config"]["effort"] == "low"
    assert "stream" not in body


@pytest.mark.parametrize("asked", [PLAIN, STREAMED], ids=["plain", "streamed"])
@pytest.mark.parametrize("status", [400, 429, 529])
async def test_status_and_headers_of_an_error_are_heard(status: int, asked: Request) -> None:
    ear = Ear()
    with pytest.raises(ClaudeError):
        await sent(Answer(status=status, body=message(), headers=LIMITS), asked, ear)
    assert ear.statuses == [status]
    assert ear.headers[0]["anthropic-ratelimit-requests-limit"] == "50"


async def test_status_and_headers_of_an_answer_are_heard_and_how_long_they_took() -> None:
    ear = Ear()
    await sent(Answer(body=message(), headers=LIMITS), PLAIN, ear)
    assert ear.statuses == [200]
    assert ear.headers[0]["anthropic-ratelimit-requests-limit"] == "50"
    assert 0 < ear.took_s[0] < 10


async def test_headers_of_a_stream_are_heard_before_its_first_piece() -> None:
    ear, heard_by_then = Ear(), list[int]()
    answer = Answer(body=sse(stream(GOOD)), content_type=SSE, headers=LIMITS)
    async with (
        ScriptedApi(answer).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.send(
            STREAMED, hear=ear, on_text=lambda _: heard_by_then.append(len(ear.statuses))
        )
    assert (ear.statuses, heard_by_then) == ([200], [1])


async def test_each_call_hears_its_own_headers() -> None:
    answers = [Answer(body=message(), headers={"request-id": str(n)}) for n in range(4)]
    async with (
        ScriptedApi(*answers).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        ears = [Ear() for _ in answers]
        replies = await asyncio.gather(*(client.send(PLAIN, hear=ear) for ear in ears))
    for ear, found in zip(ears, replies, strict=True):
        assert [headers["request-id"] for headers in ear.headers] == [found.request_id]


async def test_call_hears_nothing_of_what_comes_after_it() -> None:
    ear = Ear()
    async with (
        ScriptedApi(Answer(body=message()), Answer(body=NO_MODELS)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.send(PLAIN, hear=ear)
        await client.models()
    assert ear.statuses == [200]


async def test_streamed_answer_is_put_together_and_passed_on_in_pieces() -> None:
    pieces: list[str] = []
    body = sse(stream(GOOD[:6], GOOD[6:], output_tokens=33))
    async with (
        ScriptedApi(Answer(body=body, content_type=SSE, headers=LIMITS)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        found = await client.send(STREAMED, hear=lambda *_: None, on_text=pieces.append)
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


async def test_models_on_offer_are_asked_for_once() -> None:
    models = [{"type": "model", "id": name, "display_name": name} for name in ("a", "b")]
    body = orjson.dumps({"data": models, "has_more": False})
    async with (
        ScriptedApi(Answer(body=body)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        assert await client.models() == {"a", "b"}
    assert api.paths == ["/v1/models"]


async def test_refused_key_is_told_apart() -> None:
    async with (
        ScriptedApi(Answer(status=401)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        with pytest.raises(Misconfigured):
            await client.models()


@pytest.mark.parametrize(("status", "known"), [(200, True), (404, False)])
async def test_one_model_is_asked_for_by_its_name(status: int, known: bool) -> None:  # noqa: FBT001 - a column of the table
    body = b'{"type":"model","id":"claude-haiku-5-5","display_name":"Haiku"}'
    async with (
        ScriptedApi(Answer(status=status, body=body)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        assert await client.knows("claude-haiku-latest") is known
    assert api.paths == ["/v1/models/claude-haiku-latest"]


async def test_outage_does_not_say_that_a_model_is_unknown() -> None:
    async with (
        ScriptedApi(Answer(status=529)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        with pytest.raises(ClaudeError):
            await client.knows("claude-haiku-5-5")


async def test_connections_are_opened_side_by_side_and_used_by_later_calls() -> None:
    answers = [*[Answer(body=NO_MODELS)] * 3, Answer(body=message())]
    async with (
        ScriptedApi(*answers).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.warm(3)
        opened = set(api.peers)
        await client.send(PLAIN, hear=Ear())
    assert len(opened) == 3
    assert set(api.peers) == opened


async def test_connection_that_cannot_be_opened_is_no_error_yet() -> None:
    async with (
        ScriptedApi(Answer(status=401), Answer(status=529)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        await client.warm(2)
    assert len(api.paths) == 2


async def test_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with Client(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(Misconfigured, match="set ANTHROPIC_API_KEY"):
            await client.send(PLAIN, hear=lambda *_: None)


async def test_key_is_in_nothing_that_is_shown() -> None:
    async with Client(api_key="sk-ant-canary", base_url="http://127.0.0.1:9") as client:
        assert "canary" not in repr(client)
