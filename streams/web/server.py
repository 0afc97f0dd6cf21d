"""`/healthz`, `/readyz` and `/metrics` of a worker."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from schemas.sections import ConfigurationError, Web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OPEN = ("/healthz", "/readyz")
# Content type of the Prometheus text format.
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the worker can serve: `waiting_for` stops it, `degraded` does not."""

    waiting_for: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()


class WebServer:
    """A small server on the worker's own event loop."""

    def __init__(
        self, settings: Web, readiness: Callable[[], Readiness], metrics: Callable[[], bytes]
    ) -> None:
        self._settings, self._readiness, self._metrics = settings, readiness, metrics
        self._token = settings.bearer
        self._runner: web.AppRunner | None = None

    def __repr__(self) -> str:
        return f"WebServer({self._settings.host}:{self._settings.port})"

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the start."""
        addresses = self._runner.addresses if self._runner else []
        return int(addresses[0][1]) if addresses else 0

    async def start(self) -> None:
        """Listen. Raises ConfigurationError when the address is taken."""
        if self._runner:
            return
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._render)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        except OSError as problem:
            await runner.cleanup()
            raise ConfigurationError(
                f"web.host, web.port: cannot listen on {self._settings.host}:"
                f"{self._settings.port}: {problem.strerror}"
            ) from None
        self._runner = runner

    async def stop(self) -> None:
        """Close the port."""
        runner, self._runner = self._runner, None
        if runner:
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if self._token and request.path not in _OPEN:
            wanted = f"Bearer {self._token}".encode()
            if not hmac.compare_digest(given, wanted):
                raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        state = self._readiness()
        if state.waiting_for:
            text = "".join(f"waiting for: {reason}\n" for reason in state.waiting_for)
            return web.Response(status=503, text=text)
        text = "".join(f"degraded: {what}\n" for what in state.degraded)
        return web.Response(text=text or "ok\n")

    async def _render(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": _METRICS_TYPE})
