"""Token estimates before a call, learned per task from the usage after it."""

import math
from dataclasses import dataclass
from functools import cache

import orjson
from pydantic import BaseModel

from agents.claude.budget import Need
from schemas.request import Request
from schemas.usage import Usage

# The tokenizer of current models makes about 1.3 tokens of 3.5 bytes; a third is added as the
# margin of the first calls.
COLD_TOKENS_PER_BYTE = 0.5
COLD_CALLS = 5
# Weight of the newest call: an effective window of some forty calls.
NEWEST = 0.05
# Two standard deviations cover about 97 % of the replies.
SPREAD = 2.0


@dataclass(slots=True)
class _Learned:
    calls: int = 0
    tokens_per_byte: float = COLD_TOKENS_PER_BYTE
    output_mean: float = 0.0
    output_variance: float = 0.0

    def add(self, tokens_per_byte: float, output_tokens: int) -> None:
        self.calls += 1
        weight = max(NEWEST, 1 / self.calls)
        self.tokens_per_byte += weight * (tokens_per_byte - self.tokens_per_byte)
        difference = output_tokens - self.output_mean
        self.output_mean += weight * difference
        self.output_variance = (1 - weight) * (self.output_variance + weight * difference**2)


class Estimates:
    """What calls of each task and model take."""

    def __init__(self) -> None:
        self._learned: dict[tuple[str, str], _Learned] = {}

    def need(self, request: Request) -> Need:
        """Estimate one call; the first ones reserve the whole `max_output_tokens`."""
        learned = self._of(request)
        output = float(request.max_output_tokens)
        if learned.calls >= COLD_CALLS:
            likely = learned.output_mean + SPREAD * math.sqrt(learned.output_variance)
            output = min(output, likely + 1)
        return Need(input_tokens=learned.tokens_per_byte * _bytes(request), output_tokens=output)

    def learn(self, request: Request, usage: Usage) -> None:
        """Compare with what was really used; cache reads cost no budget and are left out."""
        self._of(request).add(usage.limited_input_tokens / _bytes(request), usage.output_tokens)

    def _of(self, request: Request) -> _Learned:
        return self._learned.setdefault((request.task, request.model), _Learned())


def _bytes(request: Request) -> int:
    return request.characters + _schema_bytes(request.output)


@cache
def _schema_bytes(output: type[BaseModel]) -> int:
    return len(orjson.dumps(output.model_json_schema()))
