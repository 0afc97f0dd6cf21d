"""The events of a streamed answer, in the order and shape of the API."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from agents.simulator.accounting.prompt_cache import CachePlan
from agents.simulator.requests.reading import Call
from agents.simulator.responses.reply import SIGNATURE, Reply, input_usage

PIECES = 16
"""A reply comes in about so many deltas; with the frame that makes about 20 events."""
FIRST_OUTPUT_TOKENS = 1
"""What `message_start` says about the output."""

Json = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamEvent:
    """One event, ready to be sent, and the output tokens that are produced with it."""

    raw: bytes
    tokens: int = 0
    is_delta: bool = False


def encode(data: Json) -> bytes:
    """Write one server-sent event; its name is the type of its data."""
    return b"event: %b\ndata: %b\n\n" % (str(data["type"]).encode(), orjson.dumps(data))


def stream_events(
    call: Call, plan: CachePlan, reply: Reply, message_id: str
) -> Iterator[StreamEvent]:
    """Yield all events of a reply."""
    yield StreamEvent(
        raw=encode({"type": "message_start", "message": _begun(call, plan, message_id)})
    )
    yield from _blocks(reply)
    yield StreamEvent(raw=encode(_message_delta(plan, reply)))
    yield StreamEvent(raw=encode({"type": "message_stop"}))


def _begun(call: Call, plan: CachePlan, message_id: str) -> Json:
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": call.model.id,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**input_usage(plan), "output_tokens": FIRST_OUTPUT_TOKENS},
    }


def _message_delta(plan: CachePlan, reply: Reply) -> Json:
    return {
        "type": "message_delta",
        "delta": {
            "stop_reason": reply.stop_reason,
            "stop_sequence": reply.stop_sequence,
            "stop_details": reply.stop_details,
        },
        "usage": {
            **input_usage(plan),
            "output_tokens": reply.output_tokens,
            "output_tokens_details": {"thinking_tokens": reply.thinking_tokens},
        },
    }


def _blocks(reply: Reply) -> Iterator[StreamEvent]:
    index = 0
    if reply.thinking_tokens:
        block: Json = {"type": "thinking", "thinking": "", "signature": ""}
        delta: Json = {"type": "signature_delta", "signature": SIGNATURE}
        yield from _block(index, block, [delta], reply.thinking_tokens)
        index += 1
    left = reply.output_tokens - reply.thinking_tokens
    if reply.text is not None:
        deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in cut(reply.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas, left)
        index += 1
    if reply.tool_use is not None:
        use = reply.tool_use
        block = {"type": "tool_use", "id": use.id, "name": use.name, "input": {}}
        deltas = [
            {"type": "input_json_delta", "partial_json": piece} for piece in cut(use.input_json)
        ]
        yield from _block(index, block, deltas, left)


def _block(index: int, block: Json, deltas: list[Json], tokens: int) -> Iterator[StreamEvent]:
    start: Json = {"type": "content_block_start", "index": index, "content_block": block}
    yield StreamEvent(raw=encode(start))
    if index == 0:
        yield StreamEvent(raw=encode({"type": "ping"}))
    for delta, share in zip(deltas, spread(tokens, len(deltas)), strict=True):
        data: Json = {"type": "content_block_delta", "index": index, "delta": delta}
        yield StreamEvent(raw=encode(data), tokens=share, is_delta=True)
    stop: Json = {"type": "content_block_stop", "index": index}
    yield StreamEvent(raw=encode(stop), tokens=0 if deltas else tokens)


def cut(text: str) -> list[str]:
    """Cut a text into at most `PIECES` parts of about the same size."""
    size = max(1, -(-len(text) // PIECES))
    return [text[start : start + size] for start in range(0, len(text), size)]


def spread(total: int, parts: int) -> list[int]:
    """Split a whole number into parts that differ by at most one and add up to it."""
    return [total * (n + 1) // parts - total * n // parts for n in range(parts)]
