"""What can go wrong with a call, by who has to act on it."""

import re

# What stands between us and the API may say anything in these places, the request included.
_ERROR_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_REQUEST_ID = re.compile(r"(?!sk-)[A-Za-z0-9_-]{1,64}")


def error_type_of(given: object) -> str:
    """Return what can be a name of an error, else nothing."""
    return given if isinstance(given, str) and _ERROR_TYPE.fullmatch(given) else ""


def request_id_of(given: object) -> str | None:
    """Return what can be the id of a request, else None."""
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else None


class ClaudeError(Exception):
    """A call to Claude failed.

    `status` is the HTTP status, 0 when there was no response; `error_type` is the API's own name
    of the problem. The message is safe to publish: it never holds a key or an event's text.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        error_type: str = "",
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class RateLimited(ClaudeError):
    """The API asks everybody to wait."""


class Misconfigured(ClaudeError):
    """A person has to act: key, permission, model name, billing or spend limit."""


class Unavailable(ClaudeError):
    """The API, or the way to it, is down or overloaded."""


class Interrupted(ClaudeError):
    """No complete answer came: a timeout, a cut stream, a broken body. Whose fault is open."""


class RequestRejected(ClaudeError):
    """The API will never accept this request."""
