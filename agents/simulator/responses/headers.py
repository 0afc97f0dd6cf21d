"""Headers of an answer: who asked, and what is left of the limits."""

from datetime import UTC, datetime
from functools import lru_cache
from math import ceil

from agents.simulator.accounting.buckets import Bucket
from agents.simulator.accounting.limits import ClassLimits, Denied
from agents.simulator.requests.errors import ApiError

ORGANIZATION = "6f4c1d2e-8a35-4b7f-9c10-5e2d7a9b3c41"
WORKSPACE = "wrkspc_01SimulatedDefaultWorkspace"
COMMON = {
    "anthropic-organization-id": ORGANIZATION,
    "anthropic-workspace-id": WORKSPACE,
}
STEP_TOKENS = 1_000
"""Remaining tokens are told to the nearest thousand."""

_UNITS = {
    "requests": "requests",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
}


def limit_headers(limits: ClassLimits, wall_s: float) -> dict[str, str]:
    """Describe the three buckets as of their last refill; `wall_s` is the Unix time of it."""
    requests, taken, made = limits.requests, limits.input, limits.output
    left_in, left_out = _left(taken, STEP_TOKENS), _left(made, STEP_TOKENS)
    in_s, out_s = taken.full_in_s(), made.full_in_s()
    rows = (
        ("requests", requests.per_minute, _left(requests, 1), requests.full_in_s()),
        ("tokens", taken.per_minute + made.per_minute, left_in + left_out, max(in_s, out_s)),
        ("input-tokens", taken.per_minute, left_in, in_s),
        ("output-tokens", made.per_minute, left_out, out_s),
    )
    headers: dict[str, str] = {}
    for name, limit, remaining, full_in_s in rows:
        prefix = f"anthropic-ratelimit-{name}"
        headers[f"{prefix}-limit"] = str(limit)
        headers[f"{prefix}-remaining"] = str(remaining)
        headers[f"{prefix}-reset"] = timestamp(ceil(wall_s + full_in_s))
    return headers


@lru_cache(maxsize=1_024)
def timestamp(unix_s: int) -> str:
    """Write a time in whole seconds; round up before, so that it is never too early."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rate_limit_error(denied: Denied, model: str) -> ApiError:
    """Build the 429 for a request that the limits turned away."""
    headers = {"retry-after": str(denied.retry_after_s), "x-should-retry": "true"}
    if denied.limiter == "ramp":
        return ramp_error(headers)
    return ApiError(
        429,
        "This request would exceed your organization's rate limit of "
        f"{denied.limit:,} {_UNITS[denied.limiter]} per minute (org: {ORGANIZATION}, "
        f"model: {model}). For details, refer to: https://docs.claude.com/en/api/rate-limits. "
        "You can see the response headers for current usage. Please reduce the prompt length "
        "or the maximum tokens requested, or try again later.",
        headers=headers,
    )


def ramp_error(headers: dict[str, str]) -> ApiError:
    """Build the 429 for traffic that grows too fast."""
    return ApiError(
        429,
        "Your usage is growing too quickly. Please increase your traffic gradually.",
        code="ramp_limit_exceeded",
        headers=headers,
    )


def _left(bucket: Bucket, step: int) -> int:
    level = max(0.0, bucket.level)
    return int((level + step / 2) // step) * step if step > 1 else int(level)
