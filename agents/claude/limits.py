"""What response headers tell about the limits."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What is limited; also the label of the budget metrics."""

    REQUESTS = "requests"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One limit as a header told it: a minute's limit, and what is left of the bucket."""

    unit: Unit
    limit: int
    remaining: int


# Remaining tokens are rounded to the nearest thousand; requests are exact.
ROUNDING: dict[Unit, int] = {Unit.REQUESTS: 0, Unit.INPUT_TOKENS: 500, Unit.OUTPUT_TOKENS: 500}

_HEADERS = {
    unit: (
        f"anthropic-ratelimit-{unit.replace('_', '-')}-limit",
        f"anthropic-ratelimit-{unit.replace('_', '-')}-remaining",
    )
    for unit in Unit
}


def heard(headers: Mapping[str, str]) -> Iterator[Heard]:
    """Read the rate limit headers of any response; what is missing or no number is left out."""
    for unit, (limit_name, remaining_name) in _HEADERS.items():
        limit, remaining = headers.get(limit_name, ""), headers.get(remaining_name, "")
        if limit.isdecimal() and remaining.isdecimal() and int(limit) > 0:
            yield Heard(unit=unit, limit=int(limit), remaining=int(remaining))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after`, in seconds; None when it is absent, a date or endless."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
