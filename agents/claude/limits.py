"""What response headers tell about the limits."""

import math
from collections.abc import Mapping

from schemas.lease import UNITS, Heard, nothing

# Nobody waits longer for one header, which a broken proxy may have written; then a probe goes.
MOST_RETRY_AFTER_S = 3600.0
_HEADERS = tuple(
    (
        f"anthropic-ratelimit-{unit.replace('_', '-')}-limit",
        f"anthropic-ratelimit-{unit.replace('_', '-')}-remaining",
    )
    for unit in UNITS
)


def heard(headers: Mapping[str, str]) -> Heard:
    """Read the rate limit headers of any response; what is missing or no number is left out."""
    limits, found = nothing(), nothing()
    for u, (limit_name, remaining_name) in enumerate(_HEADERS):
        limit, remaining = headers.get(limit_name, ""), headers.get(remaining_name, "")
        if limit.isdecimal() and remaining.isdecimal() and int(limit) > 0:
            limits[u], found[u] = float(limit), float(remaining)
    return Heard(limits=limits, remaining=found)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after`, in seconds; None when it is absent, a date or endless."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(max(0.0, seconds), MOST_RETRY_AFTER_S) if math.isfinite(seconds) else None
