"""`POST /v1/messages` and `/v1/messages/count_tokens`."""

from collections.abc import Mapping
from http import HTTPStatus
from itertools import count

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from agents.simulator.accounting.buckets import Bucket, retry_after_s
from agents.simulator.accounting.ledger import Ledger
from agents.simulator.accounting.visit import Visit
from agents.simulator.delivery import Delivery, is_open, pause
from agents.simulator.desk import Desk
from agents.simulator.faults import Fault, FaultKind
from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.reading import (
    Call,
    check_key,
    check_version,
    count_tokens,
    read_call,
)
from agents.simulator.responses.headers import COMMON
from agents.simulator.responses.rejections import HTML_502

MAX_BODY_BYTES = 32 * 1024 * 1024
ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})


class Messages:
    """The two endpoints that take a prompt."""

    def __init__(self, desk: Desk, ledger: Ledger) -> None:
        self._desk = desk
        self._ledger = ledger
        self._ids = count(1)
        self._counting = Bucket(desk.settings.count_tokens_per_minute, 60, desk.clock.monotonic_s())
        self.delivery = Delivery(desk)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /v1/messages` and write it to the ledger, however it ends."""
        visit = self._visit(request)
        self._ledger.arrive()
        try:
            return await self._answer(request, visit)
        finally:
            if visit.grant is not None:
                self._desk.settle(visit, visit.grant)
            finished_s = self._desk.clock.monotonic_s()
            self._ledger.write(visit.entry(self._ledger.next_id(), finished_s))

    async def count_tokens(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /v1/messages/count_tokens`, which has a request limit of its own."""
        request_id = self.request_id()
        try:
            self.identify(request.headers)
            version = check_version(request.headers)
            tokens = count_tokens(await read_body(request), version=version)
            self._take_count()
        except ApiError as error:
            return error_response(error, request_id)
        return web.json_response({"input_tokens": tokens}, headers=answer_headers(request_id))

    def identify(self, headers: Mapping[str, str]) -> str:
        """Return the key of a request, or raise the 401."""
        return check_key(headers, self._desk.settings.key)

    def request_id(self) -> str:
        """Return the next `request-id`; they are unique and the same in every run."""
        return f"req_01Sim{self._desk.settings.seed:07x}{next(self._ids):012x}"

    def _visit(self, request: web.Request) -> Visit:
        request_id = self.request_id()
        retries = request.headers.get("x-stainless-retry-count", "0")
        return Visit(
            request_id=request_id,
            message_id=request_id.replace("req_", "msg_"),
            arrived_s=self._desk.clock.monotonic_s(),
            arrived_at=self._desk.clock.wall_s(),
            retry_count=int(retries) if retries.isdecimal() else 0,
        )

    async def _answer(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        try:
            call = await self._read(request)
            visit.call = call
            fault = self._desk.rejection(visit, call)
            if fault is not None:
                return await self._reject(request, visit, call, fault)
            limits = self._desk.admit(visit, call)
        except ApiError as error:
            return self._refuse(request, visit, error)
        headers = {**answer_headers(visit.request_id), **limits}
        if visit.grant is None:
            raise RuntimeError("an admitted request has a grant")
        return await self.delivery.send(request, visit, visit.grant, headers)

    async def _read(self, request: web.Request) -> Call:
        key = self.identify(request.headers)
        version = check_version(request.headers)
        return read_call(await read_body(request), version=version, key=key)

    async def _reject(
        self, request: web.Request, visit: Visit, call: Call, fault: Fault
    ) -> web.StreamResponse:
        await pause(fault.delay_s)
        if fault.kind is not FaultKind.HTML_502:
            return self._refuse(request, visit, self._desk.reject(visit, call, fault))
        visit.status = fault.status or 502
        visit.completed = is_open(request)
        return web.Response(body=HTML_502, status=visit.status, content_type="text/html")

    def _refuse(self, request: web.Request, visit: Visit, error: ApiError) -> web.StreamResponse:
        visit.status = error.status
        visit.completed = is_open(request)
        visit.first_byte_s = self._desk.clock.monotonic_s()
        return error_response(error, visit.request_id)

    def _take_count(self) -> None:
        now_s = self._desk.clock.monotonic_s()
        wait_s = self._counting.wait_s(1, now_s)
        if wait_s > 0:
            headers = {"retry-after": str(retry_after_s(wait_s)), "x-should-retry": "true"}
            raise ApiError(
                429, "This request would exceed your rate limit for count_tokens.", headers=headers
            )
        self._counting.take(1, now_s)


async def read_body(request: web.Request) -> bytes:
    """Read a body of at most 32 MB; gzip and deflate are undone by the server library."""
    encoding = request.headers.get("content-encoding", "").lower()
    if encoding not in ENCODINGS:
        message = f"Content-Encoding '{encoding}' is not supported"
        raise ApiError(400, message, code="request_body_encoding_unsupported")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ApiError(413, "Request exceeds the maximum size")
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        code = "request_body_too_large_after_decoding" if encoding else ""
        raise ApiError(413, "Request exceeds the maximum size", code=code) from error
    except (ContentEncodingError, web.RequestPayloadError) as error:
        code = "request_body_encoding_invalid"
        raise ApiError(400, "The request body could not be decoded", code=code) from error


def answer_headers(request_id: str) -> dict[str, str]:
    """Return the headers of every authenticated answer."""
    return {"request-id": request_id, **COMMON}


def error_response(error: ApiError, request_id: str) -> web.Response:
    """Write an error the way the API does; who asked is not told to strangers."""
    known = {} if error.status == HTTPStatus.UNAUTHORIZED else COMMON
    return web.Response(
        body=error.body(request_id),
        status=error.status,
        headers={"request-id": request_id, **known, **error.headers},
        content_type="application/json",
    )
