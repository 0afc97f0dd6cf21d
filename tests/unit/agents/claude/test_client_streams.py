import pytest

from agents.claude.client import Client
from agents.claude.errors import ClaudeError, Interrupted, RateLimited, Unavailable
from tests.builders import request, sse, stream
from tests.fakes import Answer, ScriptedApi

SSE = "text/event-stream"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


async def failed(body: bytes, *, cut: bool = False) -> ClaudeError:
    """Read this as the answer to a streamed call."""
    async with (
        ScriptedApi(Answer(body=body, content_type=SSE, cut=cut)).running() as api,
        Client(api_key="k", base_url=api.url) as client,
    ):
        with pytest.raises(ClaudeError) as caught:
            await client.send(request(stream=True, timeout_s=10), hear=lambda *_: None)
    return caught.value


@pytest.mark.parametrize("kept", range(1, 7))
async def test_stream_that_ends_early_without_an_error_is_an_interruption(kept: int) -> None:
    body = sse(stream("some text")[:kept])
    found = await failed(body)
    assert type(found) is Interrupted
    assert found.error_type == "cut_stream"


@pytest.mark.parametrize("kept", [1, 4, 6])
async def test_stream_that_breaks_off_is_an_interruption(kept: int) -> None:
    body = sse(stream("some text")[:kept])
    found = await failed(body, cut=True)
    assert type(found) is Interrupted
    assert found.error_type == "cut_stream"


@pytest.mark.parametrize("body", [b"", b"data: {\n\n", b"event: message_start\ndata: {\n\n", HTML])
async def test_stream_that_is_none_is_an_interruption(body: bytes) -> None:
    assert type(await failed(body)) is Interrupted


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Unavailable),
        ("api_error", Unavailable),
        ("rate_limit_error", RateLimited),
        ("something_new", Unavailable),
    ],
)
@pytest.mark.parametrize("before", [0, 4])
async def test_error_inside_a_stream_is_judged_by_its_name(
    kind: str, expected: type[ClaudeError], before: int
) -> None:
    ending = {"type": "error", "error": {"type": kind, "message": "sorry"}, "request_id": "req_9"}
    body = sse([*stream("some text")[:before], ending])
    found = await failed(body)
    assert type(found) is expected
    assert (found.status, found.error_type) == (200, kind)
