"""The simulator itself: one HTTP server that starts, stops and can be steered."""

import time
from types import TracebackType
from typing import Self

from aiohttp import web

from agents.simulator.accounting.ledger import Ledger
from agents.simulator.accounting.limits import RateLimits
from agents.simulator.control import Control
from agents.simulator.desk import Clock, Desk
from agents.simulator.faults import Fault
from agents.simulator.messages import MAX_BODY_BYTES, Messages, answer_headers, error_response
from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.model_table import class_of
from agents.simulator.requests.reading import check_version
from agents.simulator.responses.catalogue import model_page, one_model
from agents.simulator.settings import Limits, SimulatorSettings

BACKLOG = 4_096
"""Bursts of new connections must not be turned away by the socket."""
SHUTDOWN_S = 1.0


class Simulator:
    """A Claude API over real HTTP. `async with` starts and stops it; both are safe twice."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self.ledger = Ledger(self.settings.ledger_limit)
        started_s = time.monotonic()
        clock = Clock(monotonic_s=lambda: time.monotonic() - started_s, wall_s=time.time)
        by_class = {class_of(name): one for name, one in self.settings.limits_by_class.items()}
        limits = RateLimits(self.settings.limits, by_class, self.settings.ramp)
        self._desk = Desk(self.settings, limits, clock)
        self._messages = Messages(self._desk, self.ledger)
        self._runner: web.AppRunner | None = None
        self._port = 0

    def __repr__(self) -> str:
        state = self.url if self._runner else "stopped"
        return f"<Simulator {state}, {self.ledger.totals().requests} requests>"

    @property
    def url(self) -> str:
        """The base URL for clients; valid after the start."""
        return f"http://{self.settings.host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        if self._runner is not None:
            return
        self._messages.delivery.start()
        runner = web.AppRunner(
            self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
        )
        await runner.setup()
        try:
            settings = self.settings
            site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG)
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all connections; requests that hang are let go."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self._messages.delivery.stop()
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def script(self, fault: Fault) -> None:
        """Add a fault, after those already scripted."""
        self._desk.faults.add(fault)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._desk.faults.clear()

    def set_limits(self, limits: Limits, model_class: str | None = None) -> None:
        """Change the limits of a class, named by itself or by one of its models, or of all."""
        name = None if model_class is None else class_of(model_class)
        self._desk.limits.set(limits, name, self._desk.clock.monotonic_s())

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.post("/v1/messages", self._messages.create),
                web.post("/v1/messages/count_tokens", self._messages.count_tokens),
                web.get("/v1/models", self._models, allow_head=False),
                web.get("/v1/models/{id}", self._models, allow_head=False),
                *Control(self).routes(),
                web.route("*", "/{path:.*}", self._unknown),
            ]
        )
        return app

    async def _models(self, request: web.Request) -> web.StreamResponse:
        request_id = self._messages.request_id()
        try:
            self._messages.identify(request.headers)
            check_version(request.headers)
            if name := request.match_info.get("id"):
                body = one_model(name)
            else:
                stages = [
                    *request.query.getall("lifecycle[]", []),
                    *request.query.getall("lifecycle", []),
                ]
                body = model_page(request.query, stages)
        except ApiError as error:
            return error_response(error, request_id)
        headers = answer_headers(request_id)
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def _unknown(self, _: web.Request) -> web.StreamResponse:
        return error_response(ApiError(404, "Not found"), self._messages.request_id())
