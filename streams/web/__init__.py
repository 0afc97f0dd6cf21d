"""Health and metrics over HTTP."""

from streams.web.server import Readiness, WebServer

__all__ = ["Readiness", "WebServer"]
