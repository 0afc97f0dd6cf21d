"""The one door to the Anthropic SDK: our Request in, our Reply or error out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from types import TracebackType
from typing import Any, Self

import anthropic
import httpx2
import orjson
from anthropic import AsyncAnthropic, DefaultAioHttpClient
from pydantic import BaseModel

from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
    error_type_of,
    request_id_of,
)
from agents.claude.limits import retry_after_s
from agents.claude.models import has_effort, most_output_tokens, quiet_thinking
from schemas.request import Block, Reply, Request
from schemas.usage import Usage, cost_nanousd

CONNECT_TIMEOUT_S = 5.0
CHECK_TIMEOUT_S = 10.0
# Longer than the quiet times of most traffic; the default of 5 s reopens all after each pause.
KEEPALIVE_S = 240.0
MOST_MODELS = 1000

Headers = Mapping[str, str]
Hear = Callable[[int, Headers, float], None]
_SPEND_CODES = {"enforced_spend_limit_reached", "contract_spend_limit_reached"}
_hear: ContextVar[Hear] = ContextVar("hear")


class Client:
    """One SDK client a process. Key and address come from the SDK's own variables."""

    def __init__(
        self,
        *,
        max_connections: int = 1000,
        api_key: str | None = None,
        base_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        limits = httpx2.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=KEEPALIVE_S,
        )
        self._sdk = AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,  # every retry is ours and spends the budget
            timeout=httpx2.Timeout(600, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
            http_client=DefaultAioHttpClient(limits=limits),
            open_telemetry=False,
            middleware=[_report_headers],
        )

    def __repr__(self) -> str:
        return f"Client({self._sdk.base_url})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close all connections."""
        await self._sdk.close()

    async def models(self) -> frozenset[str]:
        """Return the ids of the models on offer; also tells whether the key is accepted.

        One request, which costs nothing. Raises ClaudeError.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                page = await self._sdk.models.list(limit=MOST_MODELS)
        except Exception as problem:
            raise _translated(problem) from problem
        return frozenset(model.id for model in page.data)

    async def knows(self, model: str) -> bool:
        """Whether the API takes a model's name, aliases included. Raises ClaudeError."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self._sdk.models.retrieve(model)
        except anthropic.NotFoundError:
            return False
        except Exception as problem:
            raise _translated(problem) from problem
        return True

    async def warm(self, connections: int) -> None:
        """Open connections before calls need them, or keep open ones from idling out.

        A connection costs a TCP and a TLS handshake, which the first event would wait for. What
        fails here fails again, and is told, when a call needs it.
        """
        asked = (self._sdk.models.list(limit=1) for _ in range(connections))
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await asyncio.gather(*asked, return_exceptions=True)

    async def send(
        self,
        request: Request,
        *,
        hear: Hear,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """Make one call, bounded by `request.timeout_s`. Raises ClaudeError.

        `hear` gets status and headers of any response as soon as they are there, and how many
        seconds the API took for them; `on_text` gets each piece of a streamed answer.
        """
        token = _hear.set(hear)
        started = self._clock()
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await (
                    self._streamed(request, on_text) if request.stream else self._whole(request)
                )
            return _reply(request, answer, self._clock() - started)
        except Exception as problem:
            raise _translated(problem) from problem
        finally:
            _hear.reset(token)

    async def _whole(self, request: Request) -> dict[str, Any]:
        # The raw form spares a fifth of the SDK's time: we read the few fields we need.
        raw = await self._sdk.messages.with_raw_response.create(**wire(request))
        message = orjson.loads(await raw.read())
        if not isinstance(message, dict):
            raise Interrupted("the answer is not a message", error_type="malformed_body")
        message["request_id"] = request_id_of(raw.headers.get("request-id"))
        return message

    async def _streamed(
        self, request: Request, on_text: Callable[[str], None] | None
    ) -> dict[str, Any]:
        raw = await self._sdk.messages.with_raw_response.create(**wire(request), stream=True)
        message: dict[str, Any] = {"usage": {}, "content": []}
        texts: list[str] = []
        ended = False
        async with await raw.parse() as stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    texts.append(event.delta.text)
                    if on_text:
                        on_text(event.delta.text)
                elif event.type == "message_start":
                    message["usage"] = event.message.usage.to_dict()
                elif event.type == "message_delta":
                    message["stop_reason"] = event.delta.stop_reason
                    message["usage"] |= event.usage.to_dict(exclude_none=True)
                elif event.type == "message_stop":
                    ended = True
        if not ended:
            raise Interrupted("the stream ended before its message did", error_type="cut_stream")
        message["content"] = [{"type": "text", "text": "".join(texts)}]
        message["request_id"] = request_id_of(raw.headers.get("request-id"))
        return message


async def _report_headers(request: Any, call_next: Any) -> Any:  # noqa: ANN401 - SDK's own types are generic over the reply
    sent_at = time.monotonic()
    response = await call_next(request)
    if hear := _hear.get(None):
        hear(response.status_code, response.headers, time.monotonic() - sent_at)
    return response


@cache
def structured_format(output: type[BaseModel]) -> dict[str, Any]:
    """Return the `format` block that makes Claude answer with this model."""
    return {"type": "json_schema", "schema": anthropic.transform_schema(output)}


def wire(request: Request) -> dict[str, Any]:
    """Return the arguments of `messages.create` for a request."""
    config: dict[str, Any] = {"format": structured_format(request.output)}
    if has_effort(request.model):
        config["effort"] = request.effort or "low"
    arguments: dict[str, Any] = {
        "model": request.model,
        "max_tokens": min(request.max_output_tokens, most_output_tokens(request.model)),
        "system": [_block(block) for block in request.system],
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.turns],
        "output_config": config,
        "timeout": httpx2.Timeout(
            request.timeout_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S
        ),
    }
    quiet = quiet_thinking(request.model, request.effort)
    if thinking := "adaptive" if request.thinking == "adaptive" else quiet:
        arguments["thinking"] = {"type": thinking}
    return arguments


def _block(block: Block) -> dict[str, Any]:
    mark = {"cache_control": {"type": "ephemeral"}} if block.cached else {}
    return {"type": "text", "text": block.text} | mark


def _reply(request: Request, message: Mapping[str, Any], duration_s: float) -> Reply:
    stop_reason = message.get("stop_reason")
    if not isinstance(stop_reason, str):
        raise Interrupted("the answer has no stop reason", error_type="cut_stream")
    # With thinking on, a thinking block comes first: pick by type, never by position.
    texts = [b["text"] for b in message.get("content") or () if b.get("type") == "text"]
    counts = message.get("usage") or {}
    usage = Usage(**{name: counts.get(name) or 0 for name in Usage.model_fields})
    return Reply(
        model=request.model,
        text="".join(texts),
        stop_reason=stop_reason,
        usage=usage,
        request_id=message.get("request_id"),
        cost_nanousd=cost_nanousd(request.model, usage),
        duration_s=duration_s,
    )


def _translated(problem: Exception) -> ClaudeError:
    if isinstance(problem, ClaudeError):
        return problem
    if isinstance(problem, anthropic.APIStatusError):
        return _from_status(problem)
    if isinstance(problem, anthropic.APITimeoutError) and not _never_sent(problem):
        problem = TimeoutError()
    if isinstance(problem.__cause__, httpx2.ReadError):  # the answer had begun
        problem = problem.__cause__
    if isinstance(problem, TypeError) and "authentication" in str(problem):
        return Misconfigured("no Claude key: set ANTHROPIC_API_KEY", error_type="no_key")
    for kinds, error in _BROKEN:
        if isinstance(problem, kinds):
            return error()
    return Unavailable(f"the SDK failed with {type(problem).__name__}", error_type="sdk")


_BROKEN: tuple[tuple[tuple[type[Exception], ...], Callable[[], ClaudeError]], ...] = (
    (
        (anthropic.APIConnectionError,),
        lambda: Unavailable("the connection to the API failed", error_type="connection"),
    ),
    (
        (TimeoutError,),
        lambda: Interrupted("no answer in time", error_type="timeout"),
    ),
    (
        (httpx2.HTTPError,),
        lambda: Interrupted("the connection broke in the answer", error_type="cut_stream"),
    ),
    (
        # What reading an answer raises that is not JSON, or JSON of another shape.
        (ValueError, TypeError, AttributeError, KeyError),
        lambda: Interrupted("the answer is not a message", error_type="malformed_body"),
    ),
)


def _never_sent(problem: anthropic.APITimeoutError) -> bool:
    return isinstance(problem.__cause__, httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _from_status(problem: anthropic.APIStatusError) -> ClaudeError:
    # An `event: error` after the 200 keeps that status; its type tells.
    kind = _kind(problem.status_code, problem.type, problem.error_code, problem.api_message or "")
    named = error_type_of(problem.error_code) or error_type_of(problem.type)
    error_type = named or f"http_{problem.status_code}"
    # The API's own words may repeat the request; its id leads to them.
    request_id = request_id_of(problem.request_id)
    asked = request_id or "unknown"
    return kind(
        f"the API answered {problem.status_code} {error_type} to request {asked}",
        status=problem.status_code,
        error_type=error_type,
        retry_after_s=retry_after_s(problem.response.headers),
        request_id=request_id,
    )


def _kind(status: int, error_type: str | None, code: str | None, text: str) -> type[ClaudeError]:
    if code in _SPEND_CODES or status in (401, 402, 403, 404):
        return Misconfigured
    if status == 429 or error_type == "rate_limit_error":  # noqa: PLR2004 - HTTP status
        return RateLimited
    # A limit that the customer set comes as a 400 without a code of its own.
    if code == "organization_on_hold" or "usage limits" in text or "on hold" in text:
        return Misconfigured
    # What only a proxy answers is an outage, and no record's fault.
    return RequestRejected if status in (400, 413, 422) else Unavailable
