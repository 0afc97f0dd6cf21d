"""A deterministic token count: close enough to plan with, the same on every machine."""

from math import ceil

BYTES_PER_TOKEN = 3.5
"""UTF-8 bytes for one token of the older tokenizer; the newer one is scaled by the model."""

IMAGE_TOKENS = 1_500
MESSAGE_TOKENS = 4
"""Role and delimiters of one turn."""
FORMAT_TOKENS = 40
"""The instruction that an output schema adds to the prompt."""
TOOLS_TOKENS = 354
FORCED_TOOL_TOKENS = 474
"""System prompt that the use of tools adds; the larger one for `any` and `tool`."""


def count_text(text: str, factor: float) -> int:
    """Count the tokens of a text; `factor` is the model's tokenizer factor."""
    size_bytes = len(text) if text.isascii() else len(text.encode())
    return ceil(size_bytes / BYTES_PER_TOKEN * factor)


def cut_to_tokens(text: str, tokens: int, factor: float) -> str:
    """Return the longest beginning of a text that has at most that many tokens."""
    size_bytes = int(max(tokens, 0) * BYTES_PER_TOKEN / factor)
    return text.encode()[:size_bytes].decode(errors="ignore")
