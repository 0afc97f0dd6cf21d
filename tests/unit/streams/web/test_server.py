import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from schemas.sections import ConfigurationError, Web
from streams.web import Readiness, WebServer

READY = Readiness()
TOKEN = {"Authorization": "Bearer s3cret"}


@contextlib.asynccontextmanager
async def serving(
    readiness: Readiness = READY,
    **settings: Any,  # noqa: ANN401 - fields of the settings
) -> AsyncIterator[WebServer]:
    server = WebServer(Web(port=0, **settings), lambda: readiness, lambda: b"headrace_x 1\n")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def get(server: WebServer, path: str, **headers: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session,
        session.get(url, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_health_says_that_the_loop_turns() -> None:
    async with serving(Readiness(waiting_for=("everything",))) as server:
        assert await get(server, "/healthz") == (200, "ok\n")


async def test_ready_worker_says_so() -> None:
    async with serving() as server:
        assert await get(server, "/readyz") == (200, "ok\n")


async def test_worker_that_waits_says_for_what() -> None:
    waiting = Readiness(waiting_for=("a Kafka broker", "partitions of batch"), degraded=("store",))
    async with serving(waiting) as server:
        status, text = await get(server, "/readyz")
    assert status == 503
    assert text == "waiting for: a Kafka broker\nwaiting for: partitions of batch\n"


async def test_degraded_worker_is_ready_and_says_why() -> None:
    async with serving(Readiness(degraded=("store",))) as server:
        assert await get(server, "/readyz") == (200, "degraded: store\n")


async def test_readiness_is_asked_each_time() -> None:
    states = [READY, Readiness(waiting_for=("a Kafka broker",))]
    server = WebServer(Web(port=0), states.pop, bytes)
    await server.start()
    assert [(await get(server, "/readyz"))[0] for _ in range(2)] == [503, 200]
    await server.stop()


async def test_metrics_are_prometheus_text() -> None:
    async with (
        serving() as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}/metrics") as answer,
    ):
        assert await answer.read() == b"headrace_x 1\n"
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_no_token(path: str) -> None:
    async with serving(token="s3cret") as server:
        assert (await get(server, path))[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/", "/no/such/page"])
async def test_everything_else_needs_the_token(path: str) -> None:
    async with serving(token="s3cret") as server:
        assert (await get(server, path))[0] == 401


@pytest.mark.parametrize("given", ["", "s3cret", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret"])
async def test_wrong_token_is_refused(given: str) -> None:
    async with serving(token="s3cret") as server:
        assert (await get(server, "/metrics", Authorization=given))[0] == 401


async def test_right_token_opens() -> None:
    async with serving(token="s3cret") as server:
        assert (await get(server, "/metrics", **TOKEN))[0] == 200
        assert (await get(server, "/no/such/page", **TOKEN))[0] == 404


async def test_token_that_is_no_text_is_refused() -> None:
    async with serving(token="s3cret") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await writer.wait_closed()
    assert status.split()[1] == b"401"


async def test_token_does_not_show() -> None:
    async with serving(token="s3cret") as server:
        assert "s3cret" not in repr(server)
        assert "s3cret" not in (await get(server, "/metrics"))[1]


async def test_taken_port_is_one_clear_line() -> None:
    async with serving() as server:
        second = WebServer(Web(port=server.port), lambda: READY, bytes)
        with pytest.raises(ConfigurationError, match=r"web\.host, web\.port: cannot listen"):
            await second.start()
        assert second.port == 0


async def test_start_and_stop_may_be_said_twice() -> None:
    async with serving() as server:
        port = server.port
        await server.start()
        assert server.port == port
        await server.stop()
        await server.stop()
        assert server.port == 0
