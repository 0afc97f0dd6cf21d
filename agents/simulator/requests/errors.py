"""The error the API answers with, and its shape on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(eq=False)
class ApiError(Exception):
    """A request the API turns away, with everything the client gets to see."""

    status: int
    message: str
    code: str = ""
    """Goes into `error.details.error_code`."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The `error.type` that belongs to the status."""
        return TYPES.get(self.status, "api_error")

    def body(self, request_id: str) -> bytes:
        """Return the JSON body; the same shape is the data of an `error` event in a stream."""
        error: dict[str, object] = {"type": self.type, "message": self.message}
        error["details"] = {"error_code": self.code} if self.code else None
        return orjson.dumps({"type": "error", "error": error, "request_id": request_id})
