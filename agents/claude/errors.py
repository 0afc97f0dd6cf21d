"""What can go wrong with a call, by who has to act on it."""


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
