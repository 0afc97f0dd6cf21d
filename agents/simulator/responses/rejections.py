"""The answers of scripted faults that turn a request away."""

from datetime import datetime, timedelta

from agents.simulator.faults import Fault, FaultKind
from agents.simulator.requests.errors import ApiError
from agents.simulator.responses.headers import ramp_error

HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)

_PLAIN: dict[FaultKind, tuple[int, str]] = {
    FaultKind.UNAUTHORIZED: (401, "invalid x-api-key"),
    FaultKind.FORBIDDEN: (403, "Your API key does not have permission to use this resource."),
    FaultKind.ERROR_500: (500, "Internal server error"),
    FaultKind.ERROR_503: (503, "Service unavailable"),
    FaultKind.ERROR_504: (504, "Request timed out. Please use streaming for long requests."),
    FaultKind.BAD_REQUEST_400: (400, "Your request was malformed."),
    FaultKind.TOO_LARGE_413: (413, "Request exceeds the maximum size"),
}


def rejection_error(fault: Fault, now: datetime) -> ApiError:
    """Build the error of a fault; `HTML_502` has none, it is not an answer of the API."""
    error = _error(fault, now)
    if fault.status is not None:
        error.status = fault.status
    return error


def _error(fault: Fault, now: datetime) -> ApiError:
    kind = fault.kind
    if kind in _PLAIN:
        return ApiError(*_PLAIN[kind])
    if kind is FaultKind.OVERLOADED_529:
        return ApiError(529, "Overloaded", headers={"x-should-retry": "true"})
    if kind is FaultKind.USAGE_LIMIT_400:
        return ApiError(
            400,
            "You have reached your specified API usage limits. "
            f"You will regain access on {_next_month(now)} at 00:00 UTC.",
        )
    if kind is FaultKind.SPEND_LIMITED:
        return ApiError(
            429,
            "You have reached the spend limit of your usage tier. "
            f"You will regain access on {_next_month(now)} at 00:00 UTC.",
            code="enforced_spend_limit_reached",
        )
    headers = {"retry-after": f"{fault.retry_after_s:g}", "x-should-retry": "true"}
    if kind is FaultKind.RAMP_LIMITED:
        return ramp_error(headers)
    return ApiError(429, "This request would exceed your rate limit.", headers=headers)


def _next_month(now: datetime) -> str:
    return (now.replace(day=1) + timedelta(days=32)).replace(day=1).date().isoformat()
