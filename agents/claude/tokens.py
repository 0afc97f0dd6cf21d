"""Token estimates before a call, learned per task from the usage after it."""

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from functools import cache

import orjson
from pydantic import BaseModel

from schemas.lease import Amounts
from schemas.request import Request
from schemas.usage import Usage

# The tokenizer of current models makes about 1.3 tokens of 3.5 bytes; a twelfth is added as the
# margin of the first calls.
COLD_TOKENS_PER_BYTE = 0.4
COLD_CALLS = 5
# Weight of the newest call: an effective window of some forty calls.
NEWEST = 0.05
# Answers are as long as nine of ten of the last ones at most.
WINDOW, QUANTILE = 200, 0.9
# A bin of the input length speaks for itself from so many answers on.
BIN_CALLS = 20


@dataclass(slots=True)
class _Window:
    """The last answers' lengths, in order of time and of size."""

    latest: deque[int] = field(default_factory=deque)
    ranked: list[int] = field(default_factory=list)

    def add(self, tokens: int) -> None:
        if len(self.latest) == WINDOW:
            del self.ranked[bisect_left(self.ranked, self.latest.popleft())]
        self.latest.append(tokens)
        insort(self.ranked, tokens)

    @property
    def likely(self) -> float:
        return float(self.ranked[min(len(self.ranked) - 1, int(len(self.ranked) * QUANTILE))])


@dataclass(slots=True)
class _Ratio:
    """Tokens a byte: the mean, and how far single calls are from it."""

    calls: int = 0
    mean: float = COLD_TOKENS_PER_BYTE
    variance: float = 0.0

    def add(self, tokens_per_byte: float) -> None:
        self.calls += 1
        weight = max(NEWEST, 1 / self.calls)
        difference = tokens_per_byte - self.mean
        self.mean += weight * difference
        if self.calls > 1:  # the first call differs from a guess, not from another call
            self.variance = (1 - weight) * (self.variance + weight * difference**2)

    @property
    def likely(self) -> float:
        return self.mean + math.sqrt(self.variance)


@dataclass(slots=True)
class _Learned:
    """`whole` is of all of a prompt; `rest` is of what follows a prefix read from the cache."""

    whole: _Ratio = field(default_factory=_Ratio)
    rest: _Ratio = field(default_factory=_Ratio)
    output: _Window = field(default_factory=_Window)
    bins: dict[int, _Window] = field(default_factory=dict)

    def add_output(self, tokens: int, length: int) -> None:
        self.output.add(tokens)
        self.bins.setdefault(length, _Window()).add(tokens)

    def likely_output(self, length: int) -> float:
        own = self.bins.get(length)
        return own.likely if own and len(own.ranked) >= BIN_CALLS else self.output.likely


class Estimates:
    """What calls of each task and model take."""

    def __init__(self) -> None:
        self._learned: dict[tuple[str, str], _Learned] = {}

    def need(self, request: Request, *, warm: bool = False) -> Amounts:
        """Estimate one call; the first ones reserve the whole `max_output_tokens`.

        `warm`: the marked prefix is in the prompt cache, and reads from it are free of the limit.
        """
        learned, output = self._of(request), float(request.max_output_tokens)
        if learned.whole.calls >= COLD_CALLS:
            output = min(output, learned.likely_output(_length(request)))
        return [1.0, self._input(request, learned, warm=warm), output]

    def prefix_tokens(self, request: Request) -> float:
        """Estimate the part of the prompt that its cache marks cover."""
        return self._of(request).whole.mean * request.cached_characters

    def learn(self, request: Request, usage: Usage) -> None:
        """Compare with what was really used."""
        learned = self._of(request)
        learned.whole.add(usage.prompt_tokens / _bytes(request))
        if usage.cache_read_input_tokens:
            learned.rest.add(usage.limited_input_tokens / _rest(request))
        learned.add_output(usage.output_tokens, _length(request))

    @staticmethod
    def _input(request: Request, learned: _Learned, *, warm: bool) -> float:
        if not warm:
            return learned.whole.likely * _bytes(request)
        ratio = learned.rest if learned.rest.calls else learned.whole
        return ratio.likely * _rest(request)

    def _of(self, request: Request) -> _Learned:
        return self._learned.setdefault((request.task, request.model), _Learned())


def _length(request: Request) -> int:
    """Return the bin of a prompt's length: each holds twice the length of the one before."""
    return _bytes(request).bit_length()


def _bytes(request: Request) -> int:
    return request.characters + _schema_bytes(request.output)


def _rest(request: Request) -> int:
    return _bytes(request) - request.cached_characters


@cache
def _schema_bytes(output: type[BaseModel]) -> int:
    return len(orjson.dumps(output.model_json_schema()))
