"""The gateway: reserve -> call -> settle -> decide. All that the pipeline sees of this folder."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from agents.budget.allocation import Allocation
from agents.budget.flow import Flow
from agents.budget.leases import Leases
from agents.budget.line import Line
from agents.budget.lines import Lines
from agents.budget.spending import Spending, seconds_left
from agents.budget.tickets import Reservation
from agents.claude.errors import ClaudeError, Interrupted, RateLimited, RequestRejected
from agents.claude.limits import heard
from agents.claude.refusals import CLOSED, EXPIRED, TOO_EXPENSIVE
from agents.claude.retry import SPREAD, GiveUp, Retry, decide
from agents.claude.tokens import Estimates
from agents.claude.warmth import Warmth, is_cached
from agents.store.memory import MemoryStore
from schemas.lease import UNITS, Amounts, Closing, nothing
from schemas.observation import Called, Closed, Estimated, Observer, Waited
from schemas.outcome import Progress
from schemas.request import Reply, Request
from schemas.usage import Usage
from schemas.workload import WORKLOADS, WorkloadClass

# Evidence that the API works: somebody got an answer from this model within so many seconds.
EVIDENCE_S = 60.0
# How long a record that the money guard holds sleeps before it looks again.
SPENT_S = 60.0
OK = 200


class Caller(Protocol):
    """What the gateway needs of a client."""

    async def send(
        self,
        request: Request,
        *,
        hear: Callable[[int, Mapping[str, str], float], None],
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """Make one call. Raises ClaudeError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call stands in line; both times are seconds since the epoch."""

    workload: WorkloadClass
    deadline: float
    expires_at: float | None = None


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call on its way. `prefix` names its cached prefix; None: it has none worth a wait."""

    request: Request
    place: Place
    line: Line
    prefix: object | None
    opens: bool = False


class Gateway:
    """Calls Claude inside the budget. One a process."""

    def __init__(
        self,
        client: Caller,
        allocation: Allocation,
        observer: Observer,
        *,
        leases: Leases | None = None,
        worker: str = "worker",
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._observer = client, observer
        self._random, self._clock, self._wall = random or Random(), clock, wall  # noqa: S311 - jitter, not a secret
        store = leases or MemoryStore(clock=clock)
        self.lines = Lines(allocation, store, observer, worker, clock)
        self._answered_at: dict[str, float] = {}
        self.spending = Spending(allocation.max_usd_per_day)
        self._estimates, self._flow = Estimates(), Flow()
        self._warmth = Warmth(clock)

    def __repr__(self) -> str:
        return f"Gateway({self.lines})"

    def in_flight_limit(self, workload: WorkloadClass) -> int:
        """Return how many calls of a class the limits keep busy at their present latency."""
        return self._flow.limit(workload, self.lines.allocation_of)

    async def call(
        self,
        request: Request,
        place: Place,
        progress: Progress,
        on_send: Callable[[], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply | Retry | GiveUp:
        """Wait for capacity, call, settle. A closed budget answers at once, with its time."""
        if self.spending.holds(place.workload):
            return self._too_expensive()
        line = self.lines.of(request.model)
        if line.budget.closed_s(self._clock()):
            return self._closed(line)
        call = _Call(request=request, place=place, line=line, prefix=self._prefix(request))
        try:
            return await self._made(call, progress, on_send, on_text)
        finally:
            self._let_others_open(call)

    async def _made(
        self,
        call: _Call,
        progress: Progress,
        on_send: Callable[[], None] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply | Retry | GiveUp:
        line, workload, began = call.line, call.place.workload, self._clock()
        try:
            reservation = await self._reserve(call)
        except TimeoutError:
            return EXPIRED
        if reservation is None:
            return self._closed(line)
        self._observer.observe(Waited(workload=workload, seconds=self._clock() - began))
        if self.spending.holds(workload):  # others spent it while this call stood in line
            line.settle(reservation, nothing())
            return self._too_expensive()
        try:
            return await self._send(call, reservation, on_send, on_text)
        except ClaudeError as error:
            return self._decided(error, line, call.request.model, progress)

    async def _reserve(self, call: _Call) -> Reservation | None:
        """Raise TimeoutError when the event expires while it waits."""
        place = call.place
        left = None if place.expires_at is None else place.expires_at - self._wall()
        if left is not None and left <= 0:
            raise TimeoutError
        async with asyncio.timeout(left):
            if call.prefix is not None:
                call.opens = await self._warmth.turn(call.prefix)
            need = self._need(call)
            self._flow.expect(place.workload, call.request.model, need)
            priority = WORKLOADS[place.workload].priority
            return await call.line.wait(need, priority, place.deadline)

    def _need(self, call: _Call) -> Amounts:
        warm = call.prefix is not None and self._warmth.is_warm(call.prefix)
        return self._estimates.need(call.request, warm=warm)

    def _prefix(self, request: Request) -> object | None:
        tokens = self._estimates.prefix_tokens(request)
        stable = (request.model, request.system, request.output, request.effort)
        return stable if is_cached(request.model, tokens) else None

    def _let_others_open(self, call: _Call) -> None:
        if call.opens:
            call.opens = False
            self._warmth.failed(call.prefix)

    def _too_expensive(self) -> Retry:
        wait_s = min(SPENT_S, seconds_left(self._wall()))
        after_s = wait_s * self._random.uniform(1, 1 + SPREAD)
        return Retry(after_s=after_s, reason="spend", failure=TOO_EXPENSIVE)

    def _closed(self, line: Line) -> Retry:
        opens_in_s = line.budget.closed_s(self._clock())
        return Retry(
            after_s=opens_in_s * self._random.uniform(1, 1 + SPREAD),
            reason=line.budget.closed_for,
            failure=CLOSED,
        )

    async def _send(
        self,
        call: _Call,
        reservation: Reservation,
        on_send: Callable[[], None] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        request, line, began = call.request, call.line, self._clock()
        if not line.budget.has_heard or line.budget.is_probe(reservation) or call.opens:
            # Others wait for the headers; a stream brings them with its first token.
            request = replace(request, stream=True)

        def hear(status: int, headers: Mapping[str, str], took_s: float) -> None:
            line.hear(heard(headers), reservation, took_s, answered=status == OK)
            if call.prefix is not None and status == OK:
                call.opens = False
                self._warmth.used(call.prefix, began)

        used, status, reply = reservation.need, "cancelled", None
        try:
            if on_send:
                on_send()
            reply = await self._client.send(request, hear=hear, on_text=on_text)
            used, status = _used(reply.usage), "200"
        except ClaudeError as error:
            used = _charged(error, reservation.need)
            # An error inside a stream has the status of its beginning; its name tells more.
            status = error.error_type if error.status in (0, OK) else str(error.status)
            raise
        finally:
            line.settle(reservation, used)
            if status in ("200", "timeout"):
                self._flow.learn(call.place.workload, request.model, self._clock() - began, used)
            self._report(call, status, self._clock() - began, reply)
        self._learn(call, reservation, reply, began)
        return reply

    def _learn(self, call: _Call, reservation: Reservation, reply: Reply, began: float) -> None:
        request, usage = call.request, reply.usage
        self._answered_at[request.model] = self._clock()
        self._estimates.learn(request, usage)
        self.spending.add(reply.cost_nanousd)
        if call.prefix is not None:
            cached = bool(usage.cache_read_input_tokens or usage.cache_creation_input_tokens)
            self._warmth.used(call.prefix, began, cached=cached)
        used = _used(usage)
        for u in (1, 2):
            self._observer.observe(
                Estimated(
                    task=request.task,
                    model=request.model,
                    unit=UNITS[u],
                    reserved=reservation.need[u],
                    used=used[u],
                )
            )

    def _report(self, call: _Call, status: str, seconds: float, reply: Reply | None) -> None:
        self._observer.observe(
            Called(
                workload=call.place.workload,
                task=call.request.task,
                model=call.request.model,
                status=status,
                seconds=seconds,
                usage=reply.usage if reply else Usage(),
                cost_nanousd=reply.cost_nanousd if reply else 0,
            )
        )

    def _decided(
        self, error: ClaudeError, line: Line, model: str, progress: Progress
    ) -> Retry | GiveUp:
        now = self._clock()
        decision = decide(
            error,
            record_attempts=progress.record_attempts,
            dependency_attempts=progress.dependency_attempts,
            others_succeed=now - self._answered_at.get(model, -EVIDENCE_S) < EVIDENCE_S,
            random=self._random,
        )
        if isinstance(decision, Retry) and decision.close_s:
            ramp = error.error_type == "ramp_limit_exceeded"
            line.close(Closing(seconds=decision.close_s, reason=decision.reason, ramp=ramp))
            self._observer.observe(
                Closed(model=model, seconds=decision.close_s, message=decision.failure.message)
            )
        return decision


def _used(usage: Usage) -> Amounts:
    return [1.0, float(usage.limited_input_tokens), float(usage.output_tokens)]


def _charged(error: ClaudeError, need: Amounts) -> Amounts:
    """Return what a failed call cost: nothing when it was never admitted, all when unknown."""
    if error.status == OK or isinstance(error, Interrupted):  # an error inside a stream
        return need
    if isinstance(error, RateLimited | RequestRejected):
        return nothing()
    return [1.0, 0.0, 0.0]
