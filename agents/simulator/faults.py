"""Scripted faults: what goes wrong, for which requests, and how often."""

import random
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import ClassVar

from pydantic import ConfigDict


class FaultKind(StrEnum):
    """Everything that can be made to go wrong."""

    RATE_LIMITED = "rate_limited"
    RAMP_LIMITED = "ramp_limited"
    SPEND_LIMITED = "spend_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    ERROR_504 = "error_504"
    OVERLOADED_529 = "overloaded_529"
    HTML_502 = "html_502"
    USAGE_LIMIT_400 = "usage_limit_400"
    BAD_REQUEST_400 = "bad_request_400"
    TOO_LARGE_413 = "too_large_413"
    HANG = "hang"
    RESET_BEFORE_HEADERS = "reset_before_headers"
    RESET_AFTER_HEADERS = "reset_after_headers"
    CUT_STREAM = "cut_stream"
    ERROR_EVENT = "error_event"
    NO_MESSAGE_STOP = "no_message_stop"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_OUTPUT = "malformed_output"
    SCHEMA_INVALID = "schema_invalid"
    WRONG_CASE_ENUM = "wrong_case_enum"
    REFUSAL = "refusal"
    TRUNCATED = "truncated"
    EMPTY = "empty"


REJECTIONS = frozenset(list(FaultKind)[: list(FaultKind).index(FaultKind.HANG)])
"""Kinds that answer with an error before the limits are looked at; they cost no tokens."""

STREAM_ONLY = frozenset({FaultKind.CUT_STREAM, FaultKind.ERROR_EVENT, FaultKind.NO_MESSAGE_STOP})
"""Kinds that wait for a streamed request; a plain one does not use them up."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault: the requests it matches and how often it strikes.

    `times=None` never wears off. The time window counts seconds from the simulator's start.
    Kinds outside `REJECTIONS` strike only requests that the limits admitted, and those are paid.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: FaultKind
    _: KW_ONLY
    rate: float = 1.0
    times: int | None = None
    text: str = ""
    """A part of the prompt's text."""
    model: str = ""
    after_s: float = 0.0
    until_s: float | None = None
    retry_after_s: float = 1.0
    delay_s: float = 0.0
    """Waited before the fault strikes; not scaled. For `hang`: 0 hangs until the client leaves."""
    status: int | None = None
    """Replaces the status of an error kind."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be between 0 and 1")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")

    def matches(self, target: "Target") -> bool:
        """Whether this fault is meant for that request."""
        if self.kind in STREAM_ONLY and not target.streamed:
            return False
        if self.model and self.model != target.model:
            return False
        if target.at_s < self.after_s or (self.until_s is not None and target.at_s >= self.until_s):
            return False
        return not self.text or self.text in target.text()


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a fault may match on. `text` is a function: long prompts are joined only if asked."""

    model: str
    streamed: bool
    at_s: float
    text: Callable[[], str]


class FaultScript:
    """The faults in force, in order; counts are exact because choosing never yields."""

    def __init__(self, faults: Iterable[Fault], draw: random.Random) -> None:
        self._draw = draw
        self._left: list[tuple[Fault, list[int]]] = []
        for fault in faults:
            self.add(fault)

    def __repr__(self) -> str:
        return f"<FaultScript of {len(self._left)}>"

    def add(self, fault: Fault) -> None:
        """Put one more fault at the end of the script."""
        self._left.append((fault, [] if fault.times is None else [fault.times]))

    def clear(self) -> None:
        """Forget all faults."""
        self._left.clear()

    def rejection(self, target: Target) -> Fault | None:
        """Take the first fault that turns this request away, if any."""
        return self._choose(target, rejecting=True)

    def spoiling(self, target: Target) -> Fault | None:
        """Take the first fault that spoils the reply of this admitted request, if any."""
        return self._choose(target, rejecting=False)

    def _choose(self, target: Target, *, rejecting: bool) -> Fault | None:
        for position, (fault, left) in enumerate(self._left):
            if (fault.kind in REJECTIONS) is not rejecting or not fault.matches(target):
                continue
            if fault.rate < 1 and self._draw.random() >= fault.rate:
                continue
            if left:
                left[0] -= 1
                if left[0] == 0:
                    del self._left[position]
            return fault
        return None
