"""Decides about one request, without I/O: fault, cache, limits, reply."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from agents.simulator.accounting.limits import Need, RateLimits
from agents.simulator.accounting.prompt_cache import PromptCache
from agents.simulator.accounting.visit import Grant, Visit
from agents.simulator.faults import Fault, FaultScript, Target
from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.reading import Call
from agents.simulator.responses.headers import limit_headers, rate_limit_error
from agents.simulator.responses.rejections import rejection_error
from agents.simulator.settings import SimulatorSettings
from agents.simulator.writing.compose import compose, spoil


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Monotonic seconds since the simulator's start, and Unix seconds."""

    monotonic_s: Callable[[], float]
    wall_s: Callable[[], float]


class Desk:
    """Where requests are let in or turned away; holds all state that requests share."""

    def __init__(self, settings: SimulatorSettings, limits: RateLimits, clock: Clock) -> None:
        self.settings = settings
        self.limits = limits
        self.cache = PromptCache()
        self.clock = clock
        draw = random.Random(settings.seed)  # noqa: S311 - faults must be repeatable, not secret
        self.faults = FaultScript(settings.faults, draw)

    def rejection(self, visit: Visit, call: Call) -> Fault | None:
        """Take the scripted fault that turns this request away, if any; notes early arrival."""
        limits = self.limits.of(call.model, visit.arrived_s)
        visit.early = visit.arrived_s < limits.closed_until
        visit.fault = self.faults.rejection(self._target(visit, call))
        return visit.fault

    def reject(self, visit: Visit, call: Call, fault: Fault) -> ApiError:
        """Build the error of a scripted fault; a 429 shows the limits and closes the class."""
        now_s = self.clock.monotonic_s()
        error = rejection_error(fault, datetime.fromtimestamp(self.clock.wall_s(), UTC))
        limits = self.limits.of(call.model, now_s)
        if "retry-after" in error.headers:
            visit.retry_after_s = fault.retry_after_s
            limits.close(fault.retry_after_s, now_s)
        limits.refill(now_s)
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            error.headers = {**limit_headers(limits, self.clock.wall_s()), **error.headers}
        return error

    def admit(self, visit: Visit, call: Call) -> dict[str, str]:
        """Let a request in and return the limit headers of this moment.

        Raises `ApiError` 429 when a bucket lacks something; then nothing is taken.
        """
        now_s = self.clock.monotonic_s()
        plan = self.cache.plan(call, now_s)
        charged_first = self.settings.output_accounting == "max_tokens"
        need = Need(
            input_tokens=plan.charged,
            output_tokens=call.body.max_tokens if charged_first else 1,
        )
        limits = self.limits.of(call.model, now_s)
        visit.denied = limits.admit(need, now_s)
        headers = limit_headers(limits, self.clock.wall_s())
        if visit.denied is not None:
            visit.retry_after_s = visit.denied.retry_after_s
            error = rate_limit_error(visit.denied, call.body.model)
            error.headers = {**headers, **error.headers}
            raise error
        visit.fault = self.faults.spoiling(self._target(visit, call))
        reply = spoil(compose(call), call, visit.fault.kind if visit.fault else None)
        visit.grant = Grant(call=call, plan=plan, reply=reply, limits=limits)
        return headers

    def emit(self, visit: Visit, grant: Grant, tokens: int) -> None:
        """Charge output tokens as they are produced."""
        visit.emitted_tokens += tokens
        if self.settings.output_accounting == "emitted":
            in_stock = grant.limits.output.take(tokens, self.clock.monotonic_s())
            visit.overdrawn = visit.overdrawn or not in_stock

    def settle(self, visit: Visit, grant: Grant) -> None:
        """Give back what was charged first and not produced."""
        if self.settings.output_accounting == "max_tokens":
            unused = grant.call.body.max_tokens - visit.emitted_tokens
            grant.limits.output.take(-unused, self.clock.monotonic_s())

    def _target(self, visit: Visit, call: Call) -> Target:
        return Target(
            model=call.body.model,
            streamed=bool(call.body.stream),
            at_s=visit.arrived_s,
            text=call.prompt.text,
        )
