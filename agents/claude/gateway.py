"""The gateway: reserve -> call -> settle -> decide. All that the pipeline sees of this folder."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from agents.claude.budget import NOTHING, Budget, Need, Reservation
from agents.claude.errors import ClaudeError, Interrupted, RateLimited, RequestRejected
from agents.claude.limits import heard
from agents.claude.line import Line
from agents.claude.retry import SPREAD, GiveUp, Retry, decide
from agents.claude.tokens import Estimates
from schemas.dead_letter import Disposition, Stage
from schemas.observation import Called, Closed, Observer, Waited
from schemas.outcome import Failure, Progress
from schemas.request import Reply, Request
from schemas.sections import Ceiling, Limit
from schemas.usage import Usage
from schemas.workload import WORKLOADS, WorkloadClass

# Evidence that the API works: somebody got an answer from this model within so many seconds.
EVIDENCE_S = 60.0


class Caller(Protocol):
    """What the gateway needs of a client."""

    async def send(
        self,
        request: Request,
        *,
        hear: Callable[[Mapping[str, str]], None],
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


class Gateway:
    """Calls Claude inside the budget. One a process."""

    def __init__(
        self,
        client: Caller,
        limits: Iterable[Limit],
        observer: Observer,
        *,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._observer = client, observer
        self._random, self._clock, self._wall = random or Random(), clock, wall  # noqa: S311 - jitter, not a secret
        self._lines: dict[str, Line] = {}
        self._answered_at: dict[str, float] = {}
        self._estimates = Estimates()
        for limit in limits:
            line = Line(Budget(limit, clock()), clock)
            self._lines |= dict.fromkeys(limit.models, line)

    def __repr__(self) -> str:
        return f"Gateway({self._lines})"

    @property
    def budgets(self) -> dict[str, Budget]:
        """The budgets by model id; read only."""
        return {model: line.budget for model, line in self._lines.items()}

    async def call(
        self,
        request: Request,
        place: Place,
        progress: Progress,
        on_send: Callable[[], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply | Retry | GiveUp:
        """Wait for capacity, call, settle. A closed budget answers at once, with its time."""
        line = self._line(request.model)
        if line.budget.is_closed(self._clock()):
            return self._closed(line)
        began = self._clock()
        try:
            reservation = await self._reserve(line, request, place)
        except TimeoutError:
            return EXPIRED
        if reservation is None:
            return self._closed(line)
        self._observer.observe(Waited(workload=place.workload, seconds=self._clock() - began))
        try:
            reply = await self._send(line, request, reservation, place, on_send, on_text)
        except ClaudeError as error:
            return self._decided(error, line, request.model, progress)
        finally:
            line.pump()
        return reply

    async def _reserve(self, line: Line, request: Request, place: Place) -> Reservation | None:
        """Raise TimeoutError when the event expires while it waits."""
        left = None if place.expires_at is None else place.expires_at - self._wall()
        if left is not None and left <= 0:
            raise TimeoutError
        need = self._estimates.need(request)
        priority = WORKLOADS[place.workload].priority
        async with asyncio.timeout(left):
            return await line.wait(need, priority, place.deadline)

    def _closed(self, line: Line) -> Retry:
        opens_in_s = max(0.0, line.budget.closed_until - self._clock())
        return Retry(
            after_s=opens_in_s * self._random.uniform(1, 1 + SPREAD),
            reason=line.closed_for,
            failure=CLOSED,
        )

    async def _send(
        self,
        line: Line,
        request: Request,
        reservation: Reservation,
        place: Place,
        on_send: Callable[[], None] | None,
        on_text: Callable[[str], None] | None,
    ) -> Reply:
        def hear(headers: Mapping[str, str]) -> None:
            line.budget.hear(heard(headers), reservation, self._clock())
            line.pump()

        began, used, status, reply = self._clock(), reservation.need, "cancelled", None
        try:
            if on_send:
                on_send()
            reply = await self._client.send(request, hear=hear, on_text=on_text)
            used, status = _used(reply.usage), "200"
        except ClaudeError as error:
            used = _charged(error, reservation.need)
            # An error inside a stream has the status of its beginning; its name tells more.
            status = error.error_type if error.status in (0, 200) else str(error.status)
            raise
        finally:
            line.budget.settle(reservation, used, self._clock())
            self._report(request, place, status, self._clock() - began, reply)
        line.budget.succeeded()
        self._answered_at[request.model] = self._clock()
        self._estimates.learn(request, reply.usage)
        return reply

    def _report(
        self, request: Request, place: Place, status: str, seconds: float, reply: Reply | None
    ) -> None:
        self._observer.observe(
            Called(
                workload=place.workload,
                task=request.task,
                model=request.model,
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
            line.close(now + decision.close_s, decision.reason)
            self._observer.observe(
                Closed(model=model, seconds=decision.close_s, message=decision.failure.message)
            )
        return decision

    def _line(self, model: str) -> Line:
        if model not in self._lines:
            self._lines[model] = Line(Budget(Ceiling(), self._clock()), self._clock)
        return self._lines[model]


EXPIRED = GiveUp(
    disposition=Disposition.DEADLINE_EXPIRED,
    failure=Failure(
        stage=Stage.RESERVE,
        error_class="Expired",
        error_type="deadline_expired",
        message="the event expired before its call",
    ),
    counts=False,
)


CLOSED = Failure(
    stage=Stage.RESERVE,
    error_class="BudgetClosed",
    error_type="budget_closed",
    message="the model's budget is closed",
)


def _used(usage: Usage) -> Need:
    return Need(input_tokens=usage.limited_input_tokens, output_tokens=usage.output_tokens)


def _charged(error: ClaudeError, need: Need) -> Need:
    """Return what a failed call cost: nothing when it was never admitted, all when unknown."""
    begun = error.status == 200  # noqa: PLR2004 - an error inside a stream, after the HTTP status
    if begun or isinstance(error, Interrupted):
        return need
    if isinstance(error, RateLimited | RequestRejected):
        return NOTHING
    return Need(input_tokens=0, output_tokens=0)
