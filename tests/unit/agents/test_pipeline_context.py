from collections.abc import Iterator

from agents.context import ContextSource
from agents.pipeline import Pipeline
from schemas.dead_letter import Stage
from schemas.events import Event
from schemas.outcome import Completed, Held, Outcome, Progress
from tests.builders import reply, task, work
from tests.fakes import ManualClock, Recorder, ScriptedCalls, Steady

NOW = 1000.0


class Source:
    """A source that says each of its lines in turn."""

    name = "crm"

    def __init__(self, *lines: str | Exception, required: bool) -> None:
        self.required = required
        self._lines: Iterator[str | Exception] = iter(lines)

    async def fetch(self, event: Event) -> str | None:
        line = next(self._lines)
        if isinstance(line, Exception):
            raise line
        return f"{event.id}: {line}"


async def run(
    source: ContextSource, calls: ScriptedCalls, progress: Progress | None = None
) -> Outcome:
    pipeline = Pipeline(
        calls, Recorder(), random=Steady(1.0), clock=ManualClock(NOW), wall=ManualClock()
    )
    return await pipeline.run(work(task_=task(context=[source])), progress)


async def test_context_stands_in_the_prompt_and_is_fetched_once() -> None:
    calls = ScriptedCalls(LookupError(), reply())
    source = Source("gold", required=True)
    held = await run(source, calls)
    assert isinstance(held, Held)
    assert isinstance(await run(source, calls, held.progress), Completed)
    (turn,) = calls.requests[1].turns
    assert turn.text.startswith('<context name="crm">\nevt-1: gold\n</context>\n')


async def test_optional_context_that_is_away_is_noted_on_the_result() -> None:
    outcome = await run(Source(OSError(), required=False), ScriptedCalls(reply()))
    assert isinstance(outcome, Completed)
    assert (outcome.progress.context, outcome.progress.context_missing) == ({}, ("crm",))


async def test_required_context_that_is_away_holds_the_event() -> None:
    calls, source = ScriptedCalls(reply()), Source(OSError("secret"), "gold", required=True)
    held = await run(source, calls)
    assert isinstance(held, Held)
    assert (held.reason, held.failure.stage) == ("context", Stage.CONTEXT)
    assert held.failure.message == "required context is not there: crm"
    assert (held.progress.dependency_attempts, held.progress.calls) == (1, 0)
    assert held.until == NOW + 0.5
    assert isinstance(await run(source, calls, held.progress), Completed)
