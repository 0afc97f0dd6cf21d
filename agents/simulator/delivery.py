"""Sends a reply at the pace of a model, and breaks it where a fault says so."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain
from math import ceil

from aiohttp import web

from agents.simulator.accounting.visit import Grant, Visit
from agents.simulator.desk import Desk
from agents.simulator.faults import FaultKind
from agents.simulator.latency import Latency, Timing
from agents.simulator.requests.errors import ApiError
from agents.simulator.responses.events import StreamEvent, spread, stream_events
from agents.simulator.responses.reply import message_json

SLICE_S = 0.5
MOST_SLICES = 20
"""A plain reply charges its output tokens in so many steps while it is produced."""
STREAM_TYPE = "text/event-stream; charset=utf-8"

BROKEN_STREAMS = frozenset(
    {
        FaultKind.CUT_STREAM,
        FaultKind.ERROR_EVENT,
        FaultKind.NO_MESSAGE_STOP,
        FaultKind.MALFORMED_JSON,
        FaultKind.RESET_AFTER_HEADERS,
    }
)


class Delivery:
    """Sends one admitted reply after the other; the waits are in here."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._latency = Latency(desk.settings)
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Let clients hang, where a fault says so."""
        self._stopping.clear()

    def stop(self) -> None:
        """Let go of the clients that hang."""
        self._stopping.set()

    async def send(
        self, request: web.Request, visit: Visit, grant: Grant, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Wait, produce and send; the output is charged as it is produced, whoever gets it."""
        kind = visit.fault.kind if visit.fault else None
        if visit.fault is not None:
            await self._delay(visit.fault.delay_s, hang=kind is FaultKind.HANG)
        timing = self._latency.timing(
            grant.call.digest,
            output_tokens=grant.reply.output_tokens,
            cached_share=grant.plan.read / max(grant.call.prompt.total_tokens, 1),
            schema_json=grant.call.schema_json,
        )
        await pause(timing.first_token_s)
        self._desk.cache.write(grant.plan)
        if grant.call.body.stream and kind is not FaultKind.RESET_BEFORE_HEADERS:
            return await self._stream(request, visit, grant, headers, timing)
        await self._produce(visit, grant, timing)
        visit.completed = is_open(request)
        if kind is FaultKind.RESET_BEFORE_HEADERS:
            return abort(request, web.Response())
        visit.first_byte_s = self._desk.clock.monotonic_s()
        visit.status = 200
        body = message_json(grant.call, grant.plan, grant.reply, visit.message_id)
        if kind is FaultKind.RESET_AFTER_HEADERS:
            return await self._half(request, body, headers)
        if kind is FaultKind.MALFORMED_JSON:
            body = body[: len(body) * 2 // 3]
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def _delay(self, delay_s: float, *, hang: bool) -> None:
        if hang and delay_s == 0:
            await self._stopping.wait()
        await pause(delay_s)

    async def _produce(self, visit: Visit, grant: Grant, timing: Timing) -> None:
        slices = min(max(ceil(timing.generation_s / SLICE_S), 1), MOST_SLICES)
        for share in spread(grant.reply.output_tokens, slices):
            await pause(timing.generation_s / slices)
            self._desk.emit(visit, grant, share)

    async def _half(
        self, request: web.Request, body: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return abort(request, response)

    async def _stream(
        self,
        request: web.Request,
        visit: Visit,
        grant: Grant,
        headers: dict[str, str],
        timing: Timing,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "content-type": STREAM_TYPE})
        await response.prepare(request)
        visit.status, visit.first_byte_s = 200, self._desk.clock.monotonic_s()
        events = stream_events(grant.call, grant.plan, grant.reply, visit.message_id)
        kind = visit.fault.kind if visit.fault else None
        if kind in BROKEN_STREAMS:
            events = broken(list(events), kind, visit.request_id)
        waiting = b""
        for event in events:
            wait_s = timing.generation_s * event.tokens / max(grant.reply.output_tokens, 1)
            if wait_s > 0 and waiting:
                await response.write(waiting)
                waiting = b""
            await pause(wait_s)
            self._desk.emit(visit, grant, event.tokens)
            waiting += event.raw
        visit.completed = is_open(request)
        if kind in {FaultKind.CUT_STREAM, FaultKind.RESET_AFTER_HEADERS}:
            await response.write(waiting)
            return abort(request, response)
        await response.write_eof(waiting)
        return response


def broken(
    events: list[StreamEvent], kind: FaultKind | None, request_id: str
) -> Iterator[StreamEvent]:
    """Return the events that are sent before a stream breaks: half of the deltas."""
    deltas = [place for place, event in enumerate(events) if event.is_delta]
    half = deltas[len(deltas) // 2] if deltas else 1
    last: Iterable[StreamEvent] = ()
    if kind is FaultKind.RESET_AFTER_HEADERS:
        half = 1
    elif kind is FaultKind.ERROR_EVENT:
        body = ApiError(529, "Overloaded").body(request_id)
        last = [StreamEvent(raw=b"event: error\ndata: %b\n\n" % body)]
    elif kind is FaultKind.MALFORMED_JSON:
        cut = b'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'
        last = [StreamEvent(raw=cut)]
    return chain(events[:half], last)


def abort(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Drop the connection without a goodbye."""
    if request.transport is not None:
        request.transport.abort()
    return response


def is_open(request: web.Request) -> bool:
    """Tell whether the client is still there."""
    return request.transport is not None and not request.transport.is_closing()


async def pause(seconds: float) -> None:
    """Wait; nothing to wait for does not even yield."""
    if seconds > 0:
        await asyncio.sleep(seconds)
