"""What differs between models in how they are called."""

from schemas.request import Effort

# These answer 400 to `thinking: disabled`; leaving it out is their lowest setting.
_ALWAYS_THINK = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-", "claude-mythos-")
# These have no effort setting and do not think unless asked.
_NO_EFFORT = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-1", "claude-3")
# These think at the two highest efforts, whatever is asked: `disabled` is a 400 there.
_THINK_HARD = ("claude-haiku-5-5", "claude-opus-5")


def can_disable_thinking(model: str, effort: Effort | None = None) -> bool:
    """Whether `thinking: disabled` is accepted with this effort."""
    hard = effort in ("xhigh", "max") and model.startswith(_THINK_HARD)
    return not hard and not model.startswith(_ALWAYS_THINK)


def has_effort(model: str) -> bool:
    """Whether `output_config.effort` is accepted."""
    return not model.startswith(_NO_EFFORT)
