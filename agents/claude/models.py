"""What differs between models in how they are called."""

from typing import Literal

from schemas.request import Effort

Quiet = Literal["disabled", "between_tools"]

# These answer 400 to `thinking: disabled`; leaving it out is their lowest setting.
_ALWAYS_THINK = ("claude-opus-5-5", "claude-fable-", "claude-mythos-")
# These think only between tool calls, of which there are none, when asked so.
_BETWEEN_TOOLS = ("claude-sonnet-5-5",)
# These have no effort setting and do not think unless asked.
_NO_EFFORT = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-1", "claude-3")
# These think at the two highest efforts, whatever is asked: `disabled` is a 400 there.
_THINK_HARD = ("claude-haiku-5-5", "claude-opus-5")
_SHORT_OUTPUT = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")


def quiet_thinking(model: str, effort: Effort | None = None) -> Quiet | None:
    """Return the `thinking.type` that keeps a model from thinking; None: it always does."""
    if model.startswith(_BETWEEN_TOOLS):
        return "between_tools"
    hard = effort in ("xhigh", "max") and model.startswith(_THINK_HARD)
    return None if hard or model.startswith(_ALWAYS_THINK) else "disabled"


def has_effort(model: str) -> bool:
    """Whether `output_config.effort` is accepted."""
    return not model.startswith(_NO_EFFORT)


def most_output_tokens(model: str) -> int:
    """Return the largest `max_tokens` that a model takes."""
    return 64_000 if model.startswith(_SHORT_OUTPUT) else 128_000
