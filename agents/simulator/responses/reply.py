"""A finished answer, and its JSON form."""

from dataclasses import dataclass
from typing import Literal

import orjson

from agents.simulator.accounting.prompt_cache import CachePlan
from agents.simulator.requests.reading import Call

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]

SIGNATURE = "EqQBCkYICBgCKkDsimulated"
"""Clients send it back unread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolUse:
    """A call of a client's tool."""

    id: str
    name: str
    input_json: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the model says. `output_tokens` includes thinking."""

    stop_reason: StopReason
    output_tokens: int
    text: str | None = None
    """None: no text block."""
    tool_use: ToolUse | None = None
    thinking_tokens: int = 0
    """Above 0: a thinking block with empty text and a signature comes first."""
    stop_sequence: str | None = None
    refusal: str | None = None
    """The explanation of a refusal."""

    @property
    def content(self) -> list[dict[str, object]]:
        """The content blocks, as on the wire."""
        blocks: list[dict[str, object]] = []
        if self.thinking_tokens:
            blocks.append({"type": "thinking", "thinking": "", "signature": SIGNATURE})
        if self.text is not None:
            blocks.append({"type": "text", "text": self.text, "citations": None})
        if self.tool_use is not None:
            blocks.append(
                {
                    "type": "tool_use",
                    "id": self.tool_use.id,
                    "name": self.tool_use.name,
                    "input": orjson.loads(self.tool_use.input_json),
                }
            )
        return blocks

    @property
    def stop_details(self) -> dict[str, object] | None:
        """Why the model refused, if it did."""
        if self.refusal is None:
            return None
        return {"type": "refusal", "category": "general_harms", "explanation": self.refusal}


def usage(
    call: Call, plan: CachePlan, output_tokens: int, thinking_tokens: int
) -> dict[str, object]:
    """Return the `usage` object of a finished message."""
    return {
        **input_usage(plan),
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": thinking_tokens},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": call.body.inference_geo or "global",
        "speed": call.body.speed or "standard",
    }


def input_usage(plan: CachePlan) -> dict[str, object]:
    """Return the input side of `usage`."""
    return {
        "input_tokens": plan.uncached,
        "cache_creation_input_tokens": plan.write_5m + plan.write_1h,
        "cache_read_input_tokens": plan.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": plan.write_5m,
            "ephemeral_1h_input_tokens": plan.write_1h,
        },
    }


def message_json(call: Call, plan: CachePlan, reply: Reply, message_id: str) -> bytes:
    """Return the body of a plain answer."""
    return orjson.dumps(
        {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": call.model.id,
            "content": reply.content,
            "stop_reason": reply.stop_reason,
            "stop_sequence": reply.stop_sequence,
            "stop_details": reply.stop_details,
            "container": None,
            "diagnostics": None,
            "usage": usage(call, plan, reply.output_tokens, reply.thinking_tokens),
        }
    )
