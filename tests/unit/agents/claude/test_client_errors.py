import asyncio
import socket
from dataclasses import replace

import pytest

from agents.claude.client import Client
from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from schemas.request import Request
from tests.builders import error, message, request
from tests.fakes import Answer, ScriptedApi

PLAIN = request(timeout_s=10)
STREAMED = replace(PLAIN, stream=True)
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"

both = pytest.mark.parametrize("asked", [PLAIN, STREAMED], ids=["plain", "streamed"])


async def failed(answer: Answer, asked: Request = PLAIN) -> ClaudeError:
    async with (
        ScriptedApi(answer).running() as api,
        Client(api_key="sk-ant-canary", base_url=api.url) as client,
    ):
        with pytest.raises(ClaudeError) as caught:
            await client.send(asked, hear=lambda *_: None)
    assert "canary" not in repr(caught.value)
    return caught.value


@both
@pytest.mark.parametrize(
    ("status", "kind", "code", "expected"),
    [
        (400, "invalid_request_error", None, RequestRejected),
        (400, "invalid_request_error", "tool_name_conflict", RequestRejected),
        (400, "invalid_request_error", "organization_on_hold", Misconfigured),
        (401, "authentication_error", None, Misconfigured),
        (402, "billing_error", None, Misconfigured),
        (403, "permission_error", None, Misconfigured),
        (404, "not_found_error", None, Misconfigured),
        (408, "timeout_error", None, Unavailable),
        (409, "conflict_error", None, Unavailable),
        (413, "request_too_large", None, RequestRejected),
        (422, "invalid_request_error", None, RequestRejected),
        (429, "rate_limit_error", None, RateLimited),
        (429, "rate_limit_error", "ramp_limit_exceeded", RateLimited),
        (429, "rate_limit_error", "something_new", RateLimited),
        (429, "rate_limit_error", "enforced_spend_limit_reached", Misconfigured),
        (429, "rate_limit_error", "contract_spend_limit_reached", Misconfigured),
        (500, "api_error", None, Unavailable),
        (502, "api_error", None, Unavailable),
        (503, "api_error", "cmek_key_unreachable", Unavailable),
        (504, "timeout_error", None, Unavailable),
        (529, "overloaded_error", None, Unavailable),
    ],
)
async def test_every_status_becomes_the_error_of_who_has_to_act(
    asked: Request, status: int, kind: str, code: str | None, expected: type[ClaudeError]
) -> None:
    headers = {"request-id": "req_9"}
    answer = Answer(status=status, body=error(kind, "why", code), headers=headers)
    found = await failed(answer, asked)
    assert type(found) is expected
    assert (found.status, found.error_type) == (status, code or kind)
    assert str(found) == f"the API answered {status} {code or kind} to request req_9"
    assert found.request_id == "req_9"


@both
@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_words_of_the_api_are_not_repeated(asked: Request, status: int) -> None:
    told = "invalid text: my card 4111 is lost"
    found = await failed(Answer(status=status, body=error("some_error", told)), asked)
    assert str(found) == f"the API answered {status} some_error to request unknown"
    assert "4111" not in repr(found)
    assert found.request_id is None


@pytest.mark.parametrize(
    "text",
    [
        "You have reached your specified API usage limits.",
        "You have reached your specified workspace API usage limits. Try later.",
        "This organization is on hold.",
    ],
)
async def test_limit_that_the_customer_set_is_no_fault_of_the_request(text: str) -> None:
    found = await failed(Answer(status=400, body=error("invalid_request_error", text)))
    assert isinstance(found, Misconfigured)


@pytest.mark.parametrize(("text", "seconds"), [("16", 16), ("0.5", 0.5), (None, None)])
async def test_time_to_wait_is_read_from_the_headers(
    text: str | None, seconds: float | None
) -> None:
    headers = {"retry-after": text} if text else {}
    found = await failed(Answer(status=429, body=error("rate_limit_error"), headers=headers))
    assert found.retry_after_s == seconds


@both
@pytest.mark.parametrize("status", [502, 503, 520])
async def test_page_of_a_proxy_is_an_outage(asked: Request, status: int) -> None:
    found = await failed(Answer(status=status, body=HTML, content_type="text/html"), asked)
    assert type(found) is Unavailable
    assert (found.status, found.error_type) == (status, f"http_{status}")
    assert "html" not in str(found)


async def test_call_is_made_once_whatever_the_server_says() -> None:
    again = {"x-should-retry": "true", "retry-after": "0"}
    answer = Answer(status=529, body=error("overloaded_error"), headers=again)
    async with (
        ScriptedApi(answer, Answer(body=message())).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        with pytest.raises(Unavailable):
            await client.send(PLAIN, hear=lambda *_: None)
    assert len(api.bodies) == 1


@both
async def test_nobody_listening_is_an_outage(asked: Request) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and not listening
        async with Client(api_key="k", base_url=f"http://127.0.0.1:{unused.getsockname()[1]}") as c:
            with pytest.raises(Unavailable) as caught:
                await c.send(asked, hear=lambda *_: None)
    assert caught.value.error_type == "connection"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff",
        HTML,
        message(content=5),
        message(content=["text"]),
        message(content=[{"type": "text"}]),
        message(content=[{"type": "text", "text": None}]),
        message(usage={"input_tokens": "many"}),
        message(usage="none"),
    ],
)
async def test_body_that_is_no_message_is_an_interruption(body: bytes) -> None:
    found = await failed(Answer(body=body))
    assert type(found) is Interrupted
    assert found.error_type == "malformed_body"


@pytest.mark.parametrize("stop_reason", [None, 5])
async def test_answer_without_a_stop_reason_is_not_whole(stop_reason: object) -> None:
    found = await failed(Answer(body=message(stop_reason=stop_reason)))
    assert type(found) is Interrupted
    assert found.error_type == "cut_stream"


@pytest.mark.parametrize("kept", [0, 40])
async def test_body_that_breaks_off_is_an_interruption(kept: int) -> None:
    found = await failed(Answer(body=message()[:kept], cut=True))
    assert type(found) is Interrupted
    assert found.error_type == "cut_stream"


@both
async def test_connection_that_breaks_before_the_answer_is_an_outage(asked: Request) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Client(api_key="k", base_url=url) as client:
        with pytest.raises(Unavailable) as caught:
            await client.send(asked, hear=lambda *_: None)
    assert caught.value.error_type == "connection"


@both
@pytest.mark.parametrize("told", ["my card 4111 is lost", "sk-ant-4111", "x" * 65 + "4111"])
@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_names_that_repeat_the_request_are_not_taken_over(
    asked: Request, status: int, told: str
) -> None:
    answer = Answer(status=status, body=error(told, told, told), headers={"request-id": told})
    found = await failed(answer, asked)
    assert str(found) == f"the API answered {status} http_{status} to request unknown"
    assert (found.error_type, found.request_id) == (f"http_{status}", None)
