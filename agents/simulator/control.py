"""`/_simulator/*`: how tests and benchmarks in another process read and steer the simulator."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Protocol

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from agents.simulator.accounting.ledger import Ledger
from agents.simulator.faults import Fault
from agents.simulator.settings import Limits

_faults = TypeAdapter(Fault)
_limits = TypeAdapter(Limits)
_order: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


class Steered(Protocol):
    """What the control endpoints act on."""

    @property
    def ledger(self) -> Ledger:
        """Every request so far."""

    def script(self, fault: Fault) -> None:
        """Add a fault."""

    def clear_faults(self) -> None:
        """Forget all faults."""

    def set_limits(self, limits: Limits, model_class: str | None = None) -> None:
        """Change the limits of one class or of all."""


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The handlers of the control endpoints. No key is asked for: bind to loopback."""

    def __init__(self, simulator: Steered) -> None:
        self._simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Return all control endpoints."""
        return [
            web.get("/_simulator/health", self.health),
            web.get("/_simulator/ledger", self.ledger),
            web.get("/_simulator/totals", self.totals),
            web.post("/_simulator/faults", self.add_fault),
            web.delete("/_simulator/faults", self.clear_faults),
            web.post("/_simulator/limits", self.set_limits),
        ]

    async def health(self, _: web.Request) -> web.StreamResponse:
        """Say that the simulator is up."""
        return _json({"status": "ok"})

    async def ledger(self, request: web.Request) -> web.StreamResponse:
        """Return the entries with an id above `after`, as JSON Lines."""
        after = request.query.get("after", "0")
        if not after.isdecimal():
            return _json({"error": "after: must be a whole number"}, status=400)
        lines = b"".join(
            orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
            for entry in self._simulator.ledger.after(int(after))
        )
        return web.Response(body=lines, content_type="application/jsonl")

    async def totals(self, _: web.Request) -> web.StreamResponse:
        """Return the exact sums."""
        return _json(asdict(self._simulator.ledger.totals()))

    async def add_fault(self, request: web.Request) -> web.StreamResponse:
        """Add a fault, given as JSON with the names of `Fault`."""
        try:
            fault = _faults.validate_json(await request.read())
        except ValidationError as error:
            return _json({"error": str(error)}, status=400)
        self._simulator.script(fault)
        return _json({"scripted": fault.kind})

    async def clear_faults(self, _: web.Request) -> web.StreamResponse:
        """Forget all faults."""
        self._simulator.clear_faults()
        return _json({"scripted": None})

    async def set_limits(self, request: web.Request) -> web.StreamResponse:
        """Change limits, given as JSON with the names of `Limits` and an optional `model_class`."""
        try:
            wanted = _order.validate_json(await request.read())
            model_class = wanted.pop("model_class", None)
            limits = _limits.validate_python(wanted)
        except ValidationError as error:
            return _json({"error": str(error)}, status=400)
        self._simulator.set_limits(limits, None if model_class is None else str(model_class))
        return _json(asdict(limits))


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
