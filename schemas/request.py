"""What prompts make and the Claude client takes: Request and Reply."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from schemas.usage import Usage

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Thinking = Literal["disabled", "adaptive", "default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of the system prompt; `cached` puts a cache mark behind it."""

    text: str
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of the request."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to Claude. `stream` asks for deltas; `timeout_s` bounds the whole call."""

    task: str
    model: str
    system: tuple[Block, ...]
    turns: tuple[Turn, ...]
    output: type[BaseModel]
    max_output_tokens: int
    effort: Effort | None = None
    thinking: Thinking = "default"
    stream: bool = False
    timeout_s: float = 60.0

    @property
    def characters(self) -> int:
        """Length of the prompt in UTF-8 bytes; the base of the token estimate."""
        return sum(len(block.text.encode()) for block in self.system) + sum(
            len(turn.text.encode()) for turn in self.turns
        )

    @property
    def cached_characters(self) -> int:
        """Length of the part up to the last cache mark, in UTF-8 bytes; 0 without a mark."""
        marks = [index for index, block in enumerate(self.system) if block.cached]
        stable = self.system[: marks[-1] + 1] if marks else ()
        return sum(len(block.text.encode()) for block in stable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one call brought. `stop_reason` is what the API said, "" when it said nothing."""

    model: str
    text: str
    stop_reason: str
    usage: Usage = field(default_factory=Usage)
    request_id: str | None = None
    cost_nanousd: int = 0
    duration_s: float = 0.0
