"""What is known about a model: class, window, prices, what it refuses."""

from dataclasses import dataclass
from typing import Literal

LONG_PROMPT_TOKENS = 100_000
NEW_TOKENIZER = 1.3
"""Models from 4.7 on count about 30 % more tokens for the same text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """Nano-dollars for one token; 0.10 dollars for a million tokens is 100."""

    input: int
    write_5m: int
    write_1h: int
    read: int
    output: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model: what it takes and what it costs."""

    id: str
    model_class: str
    """Models of one class share their rate limits."""
    display_name: str
    created_at: str
    prices: Prices
    aliases: tuple[str, ...] = ()
    lifecycle: Literal["active", "deprecated", "retired"] = "active"
    deprecated_at: str | None = None
    retires_at: str | None = None
    max_input_tokens: int = 1_000_000
    max_tokens: int = 128_000
    tokenizer_factor: float = NEW_TOKENIZER
    min_cache_tokens: int = 512
    thinks_by_default: bool = True
    thinking: frozenset[str] = frozenset({"adaptive"})
    """The values of `thinking.type` it takes."""
    disabled_up_to_high: bool = False
    """Thinking can only be switched off up to effort `high`."""
    default_effort: str | None = "high"
    """None: the model has no effort setting."""
    forced_tools: bool = True
    prefill: bool = False
    sampling: bool = False
    """Takes temperature, top_p and top_k with the older API version."""
    system_turns: bool = False
    """Takes `role: system` inside messages."""
    fast: bool = False
    regional: bool = True
    """Takes `inference_geo: us`."""
    long_prices: Prices | None = None
    """Prices of every token of a request whose prompt is longer than `LONG_PROMPT_TOKENS`."""

    @property
    def line(self) -> str:
        """The model line, such as `haiku`."""
        return self.model_class.split("-")[0]
