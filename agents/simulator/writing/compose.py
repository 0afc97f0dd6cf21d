"""Composes the reply to a valid request, and spoils it when a fault says so."""

from dataclasses import replace

import orjson

from agents.simulator.faults import FaultKind
from agents.simulator.latency import draws
from agents.simulator.requests.body import ToolChoice
from agents.simulator.requests.reading import Call
from agents.simulator.requests.tokens import count_text, cut_to_tokens
from agents.simulator.responses.reply import Reply, ToolUse
from agents.simulator.writing.answer import answer_json, answer_text

THINKING_TOKENS = {"low": 24, "medium": 60, "high": 150, "xhigh": 300, "max": 600}
"""Typical thinking before a short answer; half to one and a half times as much is used."""


def compose(call: Call) -> Reply:
    """Write the reply that a healthy service would give."""
    body = call.body
    if body.max_tokens == 0:
        return Reply(stop_reason="max_tokens", output_tokens=0)
    thinking_tokens = _thinking_tokens(call)
    if body.tools and body.forced_tool and body.tool_choice:
        return _tool_reply(call, body.tool_choice, thinking_tokens)
    user_texts = call.prompt.user_texts
    text = (
        answer_json(call.schema_json, user_texts) if call.schema_json else answer_text(user_texts)
    )
    for stop in body.stop_sequences or ():
        if not call.schema_json and stop in text:
            reply = _fit(call, text.partition(stop)[0], thinking_tokens)
            return replace(reply, stop_reason="stop_sequence", stop_sequence=stop)
    return _fit(call, text, thinking_tokens)


def spoil(reply: Reply, call: Call, kind: FaultKind | None) -> Reply:
    """Return what a fault leaves of a reply; kinds that break the connection leave it alone."""
    if kind is FaultKind.REFUSAL:
        explanation = "This request was declined by a simulated safety rule."
        return Reply(stop_reason="refusal", output_tokens=0, refusal=explanation)
    if kind is FaultKind.EMPTY:
        return Reply(stop_reason="end_turn", output_tokens=1)
    text = None if kind is None else _spoiled_text(reply.text or "", call, kind)
    if text is None:
        return reply
    tokens = count_text(text, call.model.tokenizer_factor) + reply.thinking_tokens
    stop_reason = "max_tokens" if kind is FaultKind.TRUNCATED else reply.stop_reason
    return replace(reply, text=text, output_tokens=tokens, stop_reason=stop_reason)


def _spoiled_text(text: str, call: Call, kind: FaultKind) -> str | None:
    half = text[: len(text) // 2]
    if kind is FaultKind.WRONG_CASE_ENUM and call.schema_json:
        return answer_json(call.schema_json, call.prompt.user_texts, shout=True)
    return {
        FaultKind.TRUNCATED: half,
        FaultKind.MALFORMED_OUTPUT: f"Here is the answer you asked for: {half}",
        FaultKind.SCHEMA_INVALID: '{"unexpected":true}',
    }.get(kind)


def _thinking_tokens(call: Call) -> int:
    thinking, model = call.body.thinking, call.model
    thinks = model.thinks_by_default if thinking is None else thinking.type != "disabled"
    if not thinks:
        return 0
    typical = THINKING_TOKENS[call.body.effort or model.default_effort or "medium"]
    return int(typical * (0.5 + draws(0, call.prompt.last_user_text)[0]))


def _tool_reply(call: Call, choice: ToolChoice, thinking_tokens: int) -> Reply:
    tools = call.body.tools or []
    tool = next((tool for tool in tools if tool.name == choice.name), tools[0])
    text = answer_json(orjson.dumps(tool.input_schema), call.prompt.user_texts)
    tokens = count_text(text, call.model.tokenizer_factor) + thinking_tokens
    if tokens > call.body.max_tokens:
        return _fit(call, "", call.body.max_tokens)
    use = ToolUse(id=f"toolu_01{call.digest[:22]}", name=tool.name, input_json=text)
    return Reply(
        stop_reason="tool_use", output_tokens=tokens, tool_use=use, thinking_tokens=thinking_tokens
    )


def _fit(call: Call, text: str, thinking_tokens: int) -> Reply:
    """Cut a reply at `max_tokens`; thinking is used up first and can leave no room for text."""
    most, factor = call.body.max_tokens, call.model.tokenizer_factor
    tokens = count_text(text, factor) + thinking_tokens
    if tokens <= most:
        return Reply(
            stop_reason="end_turn", output_tokens=tokens, text=text, thinking_tokens=thinking_tokens
        )
    left = most - thinking_tokens
    return Reply(
        stop_reason="max_tokens",
        output_tokens=most,
        text=cut_to_tokens(text, left, factor) if left > 0 else None,
        thinking_tokens=min(thinking_tokens, most),
    )
