"""A proxy before the Claude simulator that says back what it was sent: key, headers, prompt.

What an event's text asks for with `<echo:KIND>` is answered here, everything else by the simulator.
"""

import re
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from tests.ports import own_ports

_WANTED = re.compile(r"<echo:([\w-]+)>")
_HOP = ("host", "content-length", "transfer-encoding", "connection")
# Kinds that end when the API is well again; the others are the record's own fault.
_ILLNESSES = ("401", "500", "529", "event")
_REPAIR = b"Your answer has these problems"
_ANSWERS = ("words", "field", "refusal", "max_tokens")


class EchoingApi:
    """Stands before a simulator at `target`; when it `is_well`, its own faults are over."""

    def __init__(self, target: str) -> None:
        self.is_well = False
        self.port = own_ports(1)[0]
        self.echoed: set[str] = set()
        self._target = target
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    def __repr__(self) -> str:
        return f"EchoingApi({self.url} -> {self._target})"

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=32 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Close."""
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        wanted = _WANTED.search(body.decode("utf-8", "replace"))
        kind = wanted.group(1) if wanted else ""
        if kind == "repair":  # a first answer that has to be repaired by an API that is ill
            kind = "words" if _REPAIR not in body else "500"
        if not kind or (self.is_well and kind in _ILLNESSES):
            return await self._passed_on(request, body)
        self.echoed.add(kind)
        told = f"{dict(request.headers)} {body.decode()}"
        if kind in _ANSWERS:
            return web.json_response(_message(kind, told))
        if kind == "event":
            return _broken_stream(told)
        return web.json_response(
            _error(told), status=int(kind), headers={"request-id": _one_line(told)}
        )

    async def _passed_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        assert self._session
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        url = f"{self._target}{request.path_qs}"
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response


def _message(kind: str, told: str) -> dict[str, Any]:
    """Answer with what was told, as prose or as the name of a field."""
    said = orjson.dumps({told: told, "label": told}).decode() if kind == "field" else told
    return {
        "id": "msg_echo",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": said}],
        "stop_reason": kind if kind in ("refusal", "max_tokens") else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 10},
    }


def _error(told: str) -> dict[str, Any]:
    error = {"type": told, "message": told, "details": {"error_code": told}}
    return {"type": "error", "error": error, "request_id": told}


def _broken_stream(told: str) -> web.Response:
    event = b"event: error\ndata: " + orjson.dumps(_error(told)) + b"\n\n"
    return web.Response(status=HTTPStatus.OK, body=event, content_type="text/event-stream")


def _one_line(told: str) -> str:
    return " ".join(told.encode("ascii", "replace").decode().split())[:2000]
