import asyncio

import pytest

from agents.claude.retry import GiveUp, Retry
from agents.pipeline import Pipeline
from schemas.dead_letter import Disposition, Stage
from schemas.events import Interaction
from schemas.observation import Retried
from schemas.outcome import Completed, Failed, Failure, Held, Progress
from schemas.request import Reply
from tests.builders import GOOD, interaction, reply, task, work
from tests.fakes import ManualClock, Recorder, ScriptedCalls, Steady

BAD = reply("")
CUT = reply('{"label":', stop_reason="max_tokens")
NOW, WALL = 1000.0, 50.0
CALL = Failure(stage=Stage.CALL, error_class="Unavailable", error_type="api_error", message="sick")
RESERVE = Failure(stage=Stage.RESERVE, error_class="Expired", error_type="x", message="late")


class Bench:
    """A pipeline with a scripted gateway, run on one event."""

    def __init__(self, *script: Reply | Retry | GiveUp | Exception) -> None:
        self.calls = ScriptedCalls(*script)
        self.seen = Recorder()
        self.pipeline = Pipeline(
            self.calls,
            self.seen,
            random=Steady(1.0),
            clock=ManualClock(NOW),
            wall=ManualClock(WALL),
        )

    async def failed(self, **changes: object) -> Failed:
        outcome = await self.pipeline.run(work(task_=task(**changes)))
        assert isinstance(outcome, Failed)
        return outcome

    async def held(self, progress: Progress | None = None, **changes: object) -> Held:
        outcome = await self.pipeline.run(work(task_=task(**changes)), progress)
        assert isinstance(outcome, Held)
        return outcome


async def test_second_invalid_answer_is_the_last() -> None:
    failed = await Bench(BAD, reply('{"label":"bug"}')).failed()
    assert failed.disposition is Disposition.OUTPUT_INVALID
    assert failed.failure.stage is Stage.VALIDATE
    assert failed.failure.error_type == "schema"
    assert failed.failure.message == "score: Field required"
    assert (failed.progress.calls, failed.progress.record_attempts) == (2, 2)
    assert len(failed.progress.replies) == 2


async def test_answer_that_is_cut_off_twice_is_truncated() -> None:
    failed = await Bench(CUT, CUT).failed()
    assert failed.disposition is Disposition.TRUNCATED
    assert failed.failure.error_type == "max_tokens"
    assert (failed.progress.calls, failed.progress.doubled) == (2, True)


async def test_full_context_window_is_not_asked_again() -> None:
    failed = await Bench(reply(stop_reason="model_context_window_exceeded")).failed()
    assert failed.disposition is Disposition.TRUNCATED
    assert failed.progress.calls == 1


@pytest.mark.parametrize("text", ["", "I cannot help with that", GOOD])
async def test_refusal_is_final_whatever_was_said(text: str) -> None:
    failed = await Bench(reply(text, stop_reason="refusal")).failed()
    assert failed.disposition is Disposition.REFUSED
    assert failed.progress.cost_nanousd == reply().cost_nanousd


async def test_wait_that_is_nobodys_fault_counts_against_the_dependency() -> None:
    bench = Bench(Retry(after_s=7, reason="outage", failure=CALL))
    held = await bench.held()
    assert (held.until, held.reason, held.failure) == (NOW + 7, "outage", CALL)
    assert (held.progress.record_attempts, held.progress.dependency_attempts) == (0, 1)
    assert (held.progress.calls, held.progress.first_call_at) == (1, NOW)
    assert (held.progress.first_failed_at, held.progress.last_failed_at) == (WALL, WALL)
    assert [fact.reason for fact in bench.seen.of(Retried)] == ["outage"]


async def test_wait_by_the_records_own_fault_counts_against_it() -> None:
    held = await Bench(Retry(after_s=7, reason="retry", failure=CALL, counts=True)).held()
    assert (held.progress.record_attempts, held.progress.dependency_attempts) == (1, 0)


async def test_wait_for_the_budget_is_no_call() -> None:
    held = await Bench(Retry(after_s=7, reason="rate_limit", failure=RESERVE)).held()
    assert (held.progress.calls, held.progress.first_call_at) == (0, None)
    assert held.progress.claude_s == 0
    assert (held.progress.record_attempts, held.progress.dependency_attempts) == (0, 0)


async def test_giving_up_names_the_disposition_and_counts() -> None:
    answer = GiveUp(disposition=Disposition.REQUEST_REJECTED, failure=CALL)
    failed = await Bench(answer).failed()
    assert (failed.disposition, failed.failure) == (Disposition.REQUEST_REJECTED, CALL)
    assert (failed.progress.calls, failed.progress.record_attempts) == (1, 1)


async def test_expired_event_was_neither_called_nor_tried() -> None:
    answer = GiveUp(disposition=Disposition.DEADLINE_EXPIRED, failure=RESERVE, counts=False)
    progress = (await Bench(answer).failed()).progress
    assert (progress.calls, progress.record_attempts, progress.first_failed_at) == (0, 0, None)


async def test_event_that_expired_while_it_was_held_is_not_sent() -> None:
    bench = Bench()
    outcome = await bench.pipeline.run(work(expires_at=WALL))
    assert isinstance(outcome, Failed)
    assert outcome.disposition is Disposition.DEADLINE_EXPIRED
    assert (outcome.progress.record_attempts, bench.calls.requests) == (0, [])


async def test_answer_that_is_paid_for_is_used_even_when_the_event_has_expired() -> None:
    bought = Progress(replies=(reply(),), calls=1, context={})
    outcome = await Bench().pipeline.run(work(expires_at=WALL - 9), bought)
    assert isinstance(outcome, Completed)


async def test_exception_of_ours_gets_two_further_tries_then_a_dead_letter() -> None:
    bench = Bench(*[LookupError("what the customer wrote")] * 3)
    first = await bench.held()
    second = await bench.held(first.progress)
    outcome = await bench.pipeline.run(work(), second.progress)
    assert isinstance(outcome, Failed)
    assert outcome.disposition is Disposition.ATTEMPTS_EXHAUSTED
    assert outcome.failure.stage is Stage.CALL
    assert outcome.failure.error_class == "LookupError"
    assert outcome.failure.message.startswith("LookupError at ScriptedCalls.call:")
    assert (outcome.progress.calls, outcome.progress.record_attempts) == (3, 3)


async def test_check_that_raises_is_tried_again_without_paying_again() -> None:
    def broken(event: object, output: object) -> list[str]:
        raise LookupError(event, output)

    bench = Bench(reply())
    first = await bench.held(checks=[broken])
    second = await bench.held(first.progress, checks=[broken])
    outcome = await bench.pipeline.run(work(task_=task(checks=[broken])), second.progress)
    assert isinstance(outcome, Failed)
    assert outcome.disposition is Disposition.ATTEMPTS_EXHAUSTED
    assert outcome.failure.stage is Stage.VALIDATE
    assert interaction().body not in outcome.failure.message
    assert (len(bench.calls.requests), first.reason) == (1, "retry")


async def test_check_that_recovers_completes_without_a_second_call() -> None:
    broken = [True]

    def moody(event: object, output: object) -> list[str]:
        if event and output and broken.pop():
            raise LookupError
        return []

    bench, asked = Bench(reply()), task(checks=[moody])
    held = await bench.pipeline.run(work(task_=asked))
    assert isinstance(held, Held)
    broken.append(False)
    assert isinstance(await bench.pipeline.run(work(task_=asked), held.progress), Completed)
    assert len(bench.calls.requests) == 1


async def test_bug_in_a_prompt_is_never_tried_again() -> None:
    class Broken(Interaction):
        @property
        def body(self) -> str:
            raise LookupError(self.id)

    bench = Bench()
    outcome = await bench.pipeline.run(work(Broken(id="1", text="a")))
    assert isinstance(outcome, Failed)
    assert outcome.disposition is Disposition.ATTEMPTS_EXHAUSTED
    assert outcome.failure.stage is Stage.PROMPT
    assert bench.calls.requests == []


async def test_cancelling_is_passed_on() -> None:
    class Slow(ScriptedCalls):
        async def call(self, *_: object) -> Reply:
            never: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            return await never

    running = asyncio.ensure_future(Pipeline(Slow(), Recorder()).run(work()))
    asyncio.get_running_loop().call_soon(running.cancel)
    with pytest.raises(asyncio.CancelledError):
        await running
