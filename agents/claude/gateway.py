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
from agents.budget.spending import Spending
from agents.budget.tickets import Reservation
from agents.claude.errors import ClaudeError, Interrupted, RateLimited, RequestRejected
from agents.claude.limits import heard
from agents.claude.passage import Circuits, Passage
from agents.claude.refusals import EXPIRED, closed, held_by_outage, too_expensive
from agents.claude.retry import GiveUp, Retry, decide
from agents.claude.tokens import Estimates
from agents.claude.warmth import Warmth, is_cached
from agents.store.memory import MemoryStore
from schemas.lease import REPLAY, UNITS, Amounts, Closing, nothing
from schemas.observation import Called, Closed, Estimated, Observer, Waited
from schemas.outcome import Progress
from schemas.request import Reply, Request
from schemas.usage import Usage
from schemas.workload import WORKLOADS, WorkloadClass

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
    """Where a call stands in line; both times are seconds since the epoch.

    A replay stands behind all live classes.
    """

    workload: WorkloadClass
    deadline: float
    expires_at: float | None = None
    replay: bool = False

    @property
    def priority(self) -> int:
        """Its rank in the waiting line; 0 goes first."""
        return REPLAY if self.replay else WORKLOADS[self.workload].priority


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call on its way. `prefix` names its cached prefix; None: it has none worth a wait."""

    request: Request
    place: Place
    line: Line
    passage: Passage
    prefix: object | None = None
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
        self._circuits = Circuits(observer, self._random, clock)
        self.spending = Spending(allocation.max_usd_per_day)
        self._estimates, self._flow = Estimates(), Flow()
        self._warmth = Warmth(clock)

    def __repr__(self) -> str:
        return f"Gateway({self.lines})"

    def in_flight_limit(self, workload: WorkloadClass) -> int:
        """Return how many calls of a class the limits keep busy at their present latency."""
        return self._flow.limit(workload, self.lines.allocation_of)

    def outages(self, lasting_s: float = 0.0) -> tuple[str, ...]:
        """Return the models whose circuit has been open for so long or longer."""
        return self._circuits.outages(lasting_s)

    async def call(
        self,
        request: Request,
        place: Place,
        progress: Progress,
        on_send: Callable[[], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply | Retry | GiveUp:
        """Wait for capacity, call, settle. What is closed answers at once, with its time."""
        line = self.lines.of(request.model)
        if line.budget.closed_s(self._clock()):
            return self._closed(line)
        passage = self._circuits.passage(request.model, place)
        call = _Call(request=request, place=place, line=line, passage=passage)
        if refusal := self._refusal(call):
            return refusal
        try:
            call.prefix = self._prefix(request)
            return await self._made(call, progress, on_send, on_text)
        finally:
            self._let_others_open(call)
            passage.leave()

    async def _made(
        self,
        call: _Call,
        progress: Progress,
        on_send: Callable[[], None] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply | Retry | GiveUp:
        line, began = call.line, self._clock()
        try:
            reservation = await self._reserve(call)
        except TimeoutError:
            return EXPIRED
        if reservation is None:
            return self._closed(line)
        waited_s = self._clock() - began
        self._observer.observe(Waited(workload=call.place.workload, seconds=waited_s))
        if refusal := self._refusal(call):  # much may have happened while it stood in line
            line.settle(reservation, nothing())
            return refusal
        try:
            return await self._send(call, reservation, on_send, on_text)
        except ClaudeError as error:
            call.passage.failed(error)
            return self._decided(error, call, progress)

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
            return await call.line.wait(need, place.priority, place.deadline)

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

    def _refusal(self, call: _Call) -> Retry | None:
        """Return why this call may not go now; None: it may."""
        if self.spending.holds(call.place.workload):
            return too_expensive(self._wall(), self._random)
        if not call.passage.enter():
            return held_by_outage(call.passage.wait_s())
        return None

    def _closed(self, line: Line) -> Retry:
        opens_in_s = line.budget.closed_s(self._clock())
        return closed(opens_in_s, line.budget.closed_for, self._random)

    async def _send(
        self,
        call: _Call,
        reservation: Reservation,
        on_send: Callable[[], None] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        request, line, began = call.request, call.line, self._clock()
        probes = line.budget.is_probe(reservation) or call.passage.is_probe
        if probes or call.opens or not line.budget.has_heard:
            # Others wait for the headers; a stream brings them with its first token.
            request = replace(request, stream=True)

        def hear(status: int, headers: Mapping[str, str], took_s: float) -> None:
            line.hear(heard(headers), reservation, took_s, answered=status == OK)
            if status == OK:
                call.passage.begun()
                if call.prefix is not None:
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
        call.passage.answered()
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

    def _decided(self, error: ClaudeError, call: _Call, progress: Progress) -> Retry | GiveUp:
        decision = decide(
            error,
            record_attempts=progress.record_attempts,
            dependency_attempts=progress.dependency_attempts,
            others_succeed=call.passage.accuses(),
            random=self._random,
        )
        if isinstance(decision, Retry) and decision.close_s:
            ramp = error.error_type == "ramp_limit_exceeded"
            call.line.close(Closing(seconds=decision.close_s, reason=decision.reason, ramp=ramp))
            fact = Closed(model=call.request.model, seconds=decision.close_s, message=str(error))
            self._observer.observe(fact)
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
