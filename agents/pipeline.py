"""Page one: an event and its task in, one Outcome out.

context -> prompt -> reserve -> call -> validate. Read `Pipeline._step` first.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Protocol

from agents.claude.gateway import Place
from agents.claude.refusals import EXPIRED
from agents.claude.retry import GiveUp, Retry, again, backoff_s
from agents.context import assemble
from agents.prompts import repair_turns, system_blocks, user_turn
from agents.task import Task
from agents.validate import Invalid, validate
from schemas.dead_letter import Disposition, Stage
from schemas.events import Event
from schemas.observation import Observer, Rejected, Retried
from schemas.outcome import Completed, Failed, Failure, Held, Outcome, Progress
from schemas.request import Reply, Request, Turn
from schemas.workload import WORKLOADS, WorkloadClass


class Listener(Protocol):
    """Who follows the work on one event."""

    def reserving(self) -> None:
        """Take note that a call stands in line now, for as long as it takes."""
        ...

    def sending(self) -> None:
        """Take note that a call leaves now."""
        ...

    def text(self, attempt: int, piece: str) -> None:
        """Take a piece of a streamed answer."""
        ...

    async def bought(self, turn: int, reply: Reply) -> None:
        """Keep an answer that was paid for; nothing else is done with it before."""
        ...


class Calls(Protocol):
    """What the pipeline needs of the gateway."""

    async def call(
        self,
        request: Request,
        place: Place,
        progress: Progress,
        on_send: Callable[[], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply | Retry | GiveUp:
        """Make one call inside the budget."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One event, what is asked about it, and where it stands in line."""

    event: Event
    task: Task
    place: Place


class Pipeline:
    """Runs one event to its outcome. Holds no state of its own: all of it is in Progress."""

    def __init__(
        self,
        gateway: Calls,
        observer: Observer,
        timeouts_s: Mapping[WorkloadClass, float] | None = None,
        *,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._gateway, self._observer = gateway, observer
        self._timeouts_s = timeouts_s or {w: row.timeout_s for w, row in WORKLOADS.items()}
        self._clock, self._wall = clock, wall
        self._random = random or Random()  # noqa: S311 - jitter, not a secret

    async def run(
        self, work: Work, progress: Progress | None = None, listener: Listener | None = None
    ) -> Outcome:
        """Go on from `progress` until the event has an outcome. Raises nothing but cancellation."""
        step: Progress | Outcome = progress or Progress()
        while isinstance(step, Progress):
            step = await self._step(work, step, listener)
        return step

    async def _step(
        self, work: Work, progress: Progress, listener: Listener | None
    ) -> Progress | Outcome:
        """Do the next thing that is not done yet."""
        if progress.judged < len(progress.replies):
            return self._judge(work, progress)
        if work.place.expires_at is not None and work.place.expires_at <= self._wall():
            return self._given_up(EXPIRED, progress)
        if progress.context is None:
            return await self._assemble(work, progress)
        try:
            request = self._request(work, progress)
        except Exception as problem:  # noqa: BLE001 - a bug in a prompt must not stop the worker
            return self._failed(
                Disposition.ATTEMPTS_EXHAUSTED, bug(Stage.PROMPT, problem), progress
            )
        return await self._ask(work, request, progress, listener)

    async def _assemble(self, work: Work, progress: Progress) -> Progress | Outcome:
        if not work.task.context:
            return replace(progress, context={})
        found = await assemble(work.task.context, work.event)
        if found.failed:
            failure = Failure(
                stage=Stage.CONTEXT,
                error_class="ContextUnavailable",
                error_type=",".join(found.failed),
                message=f"required context is not there: {', '.join(found.failed)}",
            )
            wait = backoff_s(progress.dependency_attempts, self._random)
            return self._held(
                Retry(after_s=wait, reason="context", failure=failure), work, progress
            )
        return replace(progress, context=found.texts, context_missing=found.missing)

    def _request(self, work: Work, progress: Progress) -> Request:
        task, workload = work.task, work.place.workload
        turns: tuple[Turn, ...] = (user_turn(work.event.body, progress.context or {}),)
        if progress.problems:
            turns += repair_turns(progress.rejected, progress.problems)
        return Request(
            task=task.name,
            model=task.model or "",
            system=system_blocks(task.instructions),
            turns=turns,
            output=task.output,
            max_output_tokens=task.max_output_tokens * (2 if progress.doubled else 1),
            effort=task.effort,
            thinking=task.thinking,
            stream=WORKLOADS[workload].lane == "streamed",
            timeout_s=self._timeouts_s[workload],
        )

    async def _ask(
        self, work: Work, request: Request, progress: Progress, listener: Listener | None
    ) -> Progress | Outcome:
        attempt, sent_at = progress.calls + 1, list[float]()

        def on_send() -> None:
            sent_at.append(self._clock())
            if listener:
                listener.sending()

        on_text = partial(listener.text, attempt) if listener else None
        if listener:
            listener.reserving()
        try:
            answer = await self._gateway.call(request, work.place, progress, on_send, on_text)
        except Exception as problem:  # noqa: BLE001 - every exception has an owner
            failure = bug(Stage.CALL, problem)
            answer = again(failure, progress.record_attempts, self._random)
        if sent_at:
            progress = replace(
                progress,
                calls=attempt,
                first_call_at=progress.first_call_at or sent_at[0],
                claude_s=progress.claude_s + self._clock() - sent_at[0],
            )
        if isinstance(answer, Reply):
            if listener:
                await listener.bought(len(progress.replies), answer)
            return replace(progress, replies=(*progress.replies, answer))
        if isinstance(answer, Retry):
            return self._held(answer, work, progress)
        return self._given_up(answer, progress)

    def _judge(self, work: Work, progress: Progress) -> Progress | Outcome:
        reply = progress.replies[progress.judged]
        if reply.stop_reason in _FAILURES:
            return self._unfinished(reply.stop_reason, progress)
        try:
            verdict = validate(reply.text, work.task, work.event)
        except Exception as problem:  # noqa: BLE001 - a check is the user's code
            answer = again(bug(Stage.VALIDATE, problem), progress.record_attempts, self._random)
            if isinstance(answer, Retry):
                return self._held(answer, work, progress)
            return self._given_up(answer, progress)
        if isinstance(verdict, Invalid):
            return self._repair(work, verdict, progress, reply.text)
        return Completed(output=verdict.output, progress=progress)

    def _unfinished(self, stop_reason: str, progress: Progress) -> Progress | Outcome:
        """End a refusal; give a truncated answer one more try at twice the cap."""
        disposition, failure = _FAILURES[stop_reason]
        if stop_reason != "max_tokens" or progress.doubled:
            return self._failed(disposition, failure, progress)
        counted = self._failure_counted(progress)
        return replace(counted, judged=progress.judged + 1, doubled=True)

    def _repair(
        self, work: Work, verdict: Invalid, progress: Progress, text: str
    ) -> Progress | Outcome:
        """Ask once more, naming what is wrong; the second invalid answer is the last."""
        self._observer.observe(Rejected(task=work.task.name, rule=verdict.rule))
        if not progress.problems:
            return replace(
                self._failure_counted(progress),
                judged=progress.judged + 1,
                problems=verdict.problems,
                rejected=text,
            )
        failure = Failure(
            stage=Stage.VALIDATE,
            error_class="OutputInvalid",
            error_type=verdict.rule,
            message="; ".join(verdict.problems),
        )
        return self._failed(Disposition.OUTPUT_INVALID, failure, progress)

    def _held(self, retry: Retry, work: Work, progress: Progress) -> Held:
        self._observer.observe(Retried(workload=work.place.workload, reason=retry.reason))
        # A budget found closed is no attempt: nothing was tried.
        tried = retry.failure.stage is not Stage.RESERVE
        counted = self._failure_counted(progress, record=retry.counts) if tried else progress
        return Held(
            until=self._clock() + retry.after_s,
            reason=retry.reason,
            failure=retry.failure,
            progress=counted,
        )

    def _given_up(self, answer: GiveUp, progress: Progress) -> Failed:
        return self._failed(answer.disposition, answer.failure, progress, counts=answer.counts)

    def _failed(
        self,
        disposition: Disposition,
        failure: Failure,
        progress: Progress,
        *,
        counts: bool = True,
    ) -> Failed:
        counted = self._failure_counted(progress) if counts else progress
        return Failed(disposition=disposition, failure=failure, progress=counted)

    def _failure_counted(self, progress: Progress, *, record: bool = True) -> Progress:
        now = self._wall()
        return replace(
            progress,
            record_attempts=progress.record_attempts + record,
            dependency_attempts=progress.dependency_attempts + (not record),
            first_failed_at=progress.first_failed_at or now,
            last_failed_at=now,
        )


def bug(stage: Stage, problem: Exception) -> Failure:
    """Name an unexpected exception by class and place; its text may hold what the event said."""
    trace = problem.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace else None
    place = f" at {code.co_qualname}:{trace.tb_lineno}" if code and trace else ""
    kind = type(problem).__name__
    return Failure(stage=stage, error_class=kind, error_type="exception", message=f"{kind}{place}")


def _stopped(disposition: Disposition, reason: str, message: str) -> tuple[Disposition, Failure]:
    failure = Failure(
        stage=Stage.VALIDATE, error_class="Stopped", error_type=reason, message=message
    )
    return disposition, failure


_FAILURES = {
    "refusal": _stopped(Disposition.REFUSED, "refusal", "Claude refused to answer"),
    "max_tokens": _stopped(
        Disposition.TRUNCATED, "max_tokens", "the answer did not fit into twice max_output_tokens"
    ),
    "model_context_window_exceeded": _stopped(
        Disposition.TRUNCATED,
        "model_context_window_exceeded",
        "event and answer do not fit into the context window",
    ),
}
