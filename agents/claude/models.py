"""What differs between models in how they are called."""

# These answer 400 to `thinking: disabled`; leaving it out is their lowest setting.
_ALWAYS_THINK = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-", "claude-mythos-")
# These have no effort setting and do not think unless asked.
_NO_EFFORT = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-1", "claude-3")


def can_disable_thinking(model: str) -> bool:
    """Whether `thinking: disabled` is accepted."""
    return not model.startswith(_ALWAYS_THINK)


def has_effort(model: str) -> bool:
    """Whether `output_config.effort` is accepted."""
    return not model.startswith(_NO_EFFORT)
