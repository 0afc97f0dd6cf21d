"""The 400s that depend on more than the shape of a body.

Each rule returns its message, or nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agents.simulator.requests.blocks import DocumentBlock, TextBlock
from agents.simulator.requests.body import CountBody, MessagesBody
from agents.simulator.requests.models import Model

NEW_VERSION = "2026-10-21"
VERSIONS = frozenset({"2023-06-01", NEW_VERSION})


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What the rules look at."""

    body: CountBody
    model: Model
    version: str


Rule = Callable[[Question], str | None]


def sampling(question: Question) -> str | None:
    """Refuse sampling keys, even at defaults, with the new version and on 5.x models."""
    if question.version != NEW_VERSION and question.model.sampling:
        return None
    for key in ("temperature", "top_p", "top_k"):
        if getattr(question.body, key, None) is not None:
            return f"{key}: Extra inputs are not permitted"
    return None


def some_message(question: Question) -> str | None:
    """Ask for at least one turn."""
    if not question.body.messages:
        return "messages: at least one message is required"
    return None


def content_not_empty(question: Question) -> str | None:
    """Refuse turns and text blocks that say nothing."""
    for number, message in enumerate(question.body.messages):
        if not message.content:
            return f"messages.{number}: all messages must have non-empty content"
    for _, _, block in _blocks(question.body):
        if isinstance(block, TextBlock) and not block.text:
            return "messages: text content blocks must be non-empty"
    return None


def ends_with_user(question: Question) -> str | None:
    """Refuse a beginning of the answer (prefill) on newer models."""
    spoken = [message for message in question.body.messages if message.role != "system"]
    if spoken and spoken[-1].role == "user":
        return None
    if spoken and question.model.prefill:
        if question.body.output_schema is not None:
            return "output_config.format: prefill is not supported with structured outputs"
        return None
    return (
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message."
    )


def system_turns(question: Question) -> str | None:
    """Refuse instructions in the middle of a conversation, which only some models take."""
    if question.model.system_turns:
        return None
    for number, message in enumerate(question.body.messages):
        if message.role == "system":
            return f"messages.{number}.role: 'system' is not supported for this model"
    return None


def new_version_blocks(question: Question) -> str | None:
    """Refuse documents from the assistant and citations from the user in the new version."""
    if question.version != NEW_VERSION:
        return None
    for path, role, block in _blocks(question.body):
        if role == "assistant" and isinstance(block, DocumentBlock):
            return f"{path}: document blocks are not permitted in assistant messages"
        if role == "user" and isinstance(block, TextBlock) and block.citations:
            return f"{path}.citations: citations are not permitted in user messages"
    return None


def format_without_citations(question: Question) -> str | None:
    """Refuse an answer that is to be both JSON and cited."""
    if question.body.output_schema is None:
        return None
    for path, _, block in _blocks(question.body):
        if isinstance(block, DocumentBlock) and (block.citations or {}).get("enabled"):
            return f"{path}.citations: citations are not supported with output_config.format"
    return None


def max_tokens_in_range(question: Question) -> str | None:
    """Refuse more than the model's own maximum."""
    body, model = question.body, question.model
    if isinstance(body, MessagesBody) and body.max_tokens > model.max_tokens:
        return (
            f"max_tokens: {body.max_tokens} > {model.max_tokens}, which is the maximum allowed "
            f"number of output tokens for {body.model}"
        )
    return None


def prewarming(question: Question) -> str | None:
    """Refuse whatever shapes an answer when `max_tokens: 0` asks for none."""
    body = question.body
    if not isinstance(body, MessagesBody) or body.max_tokens != 0:
        return None
    barred = {
        "stream": body.stream,
        "thinking.type.enabled": body.thinking and body.thinking.type == "enabled",
        "output_config.format": body.output_schema is not None,
        "tool_choice": body.forced_tool,
    }
    for key, present in barred.items():
        if present:
            return f"max_tokens: 0 is not supported with {key}"
    return None


def speed(question: Question) -> str | None:
    """Refuse fast mode where a model has none."""
    if question.body.speed == "fast" and not question.model.fast:
        return "speed: fast mode is not supported for this model"
    return None


def geography(question: Question) -> str | None:
    """Refuse a choice of region on older models."""
    body = question.body
    asked = isinstance(body, MessagesBody) and body.inference_geo is not None
    if asked and not question.model.regional:
        return "inference_geo: not supported for this model"
    return None


RULES: tuple[Rule, ...] = (
    sampling,
    some_message,
    content_not_empty,
    system_turns,
    ends_with_user,
    new_version_blocks,
    format_without_citations,
    max_tokens_in_range,
    prewarming,
    speed,
    geography,
)


def _blocks(body: CountBody) -> Iterator[tuple[str, str, object]]:
    for number, message in enumerate(body.messages):
        if isinstance(message.content, list):
            for place, block in enumerate(message.content):
                yield f"messages.{number}.content.{place}", message.role, block
