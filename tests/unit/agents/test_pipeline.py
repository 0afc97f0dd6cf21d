from dataclasses import replace

import pytest

from agents.pipeline import Pipeline
from schemas.dead_letter import Disposition
from schemas.observation import Rejected
from schemas.outcome import Completed, Failed, Held, Outcome, Progress
from schemas.request import Reply
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from tests.builders import GOOD, document, progress, reply, task, work
from tests.fakes import ManualClock, Recorder, ScriptedCalls, Steady

BAD = reply('{"label":"bag","score":3}')
CUT = reply('{"label":', stop_reason="max_tokens")


class Bench:
    """A pipeline with a scripted gateway."""

    def __init__(
        self, *script: Reply | Exception, wait_s: float = 0.0, call_s: float = 0.0
    ) -> None:
        self.seen, self.clock = Recorder(), ManualClock()
        self.calls = ScriptedCalls(*script, clock=self.clock, wait_s=wait_s, call_s=call_s)
        self.pipeline = Pipeline(
            self.calls, self.seen, random=Steady(0.5), clock=self.clock, wall=ManualClock(50.0)
        )


class Ears:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.kept: list[tuple[int, Reply]] = []
        self.sent = 0

    def reserving(self) -> None:
        """Stand in line."""

    def sending(self) -> None:
        self.sent += 1

    def text(self, attempt: int, piece: str) -> None:
        self.heard.append((attempt, piece))

    async def bought(self, turn: int, reply: Reply) -> None:
        self.kept.append((turn, reply))


def completed(outcome: Outcome) -> Progress:
    assert isinstance(outcome, Completed)
    assert outcome.output == GOOD.encode()
    return outcome.progress


async def test_good_answer_completes_with_one_call() -> None:
    bench = Bench(reply())
    done = completed(await bench.pipeline.run(work()))
    assert (done.calls, done.replies, done.problems) == (1, (reply(),), ())
    assert (done.record_attempts, done.dependency_attempts) == (0, 0)
    assert done.first_failed_at is None
    assert bench.seen.facts == []


async def test_request_carries_what_the_task_declares() -> None:
    bench = Bench(reply())
    asked = task(effort="high", thinking="adaptive", max_output_tokens=77, instructions="Look.")
    await bench.pipeline.run(work(document(title="T", text="body"), asked))
    (request,) = bench.calls.requests
    assert (request.task, request.model, request.output) == ("label", asked.model, asked.output)
    assert (request.effort, request.thinking, request.max_output_tokens) == ("high", "adaptive", 77)
    assert request.system[0].text.endswith("Look.")
    assert request.turns[0].text == "<event>\nT\n\nbody\n</event>"
    assert (request.stream, request.timeout_s) == (False, 30)


async def test_interactive_answers_are_streamed_to_the_listener() -> None:
    bench, ears = Bench(BAD, reply()), Ears()
    await bench.pipeline.run(work(workload=WorkloadClass.INTERACTIVE), listener=ears)
    assert [request.stream for request in bench.calls.requests] == [True, True]
    assert ears.heard == [(1, BAD.text), (2, GOOD)]
    assert ears.sent == 2


async def test_timeouts_of_the_settings_count() -> None:
    calls = ScriptedCalls(reply())
    timeouts = dict.fromkeys(WorkloadClass, 3.5)
    await Pipeline(calls, Recorder(), timeouts).run(work())
    assert calls.requests[0].timeout_s == 3.5


async def test_invalid_answer_is_repaired_once_by_naming_its_problems() -> None:
    bench = Bench(BAD, reply())
    done = completed(await bench.pipeline.run(work()))
    first, second = bench.calls.requests
    assert second.turns[:1] == first.turns
    assert second.turns[1].text == BAD.text
    assert "- label: Input should be 'bug' or 'question'" in second.turns[2].text
    assert done.problems
    assert (done.calls, done.record_attempts, done.first_failed_at) == (2, 1, 50.0)
    assert bench.seen.facts == [Rejected(task="label", rule="schema")]


async def test_broken_check_is_repaired_like_a_broken_schema() -> None:
    def low(event: object, output: object) -> list[str]:
        return ["score: too low"] if event and "score=3" not in repr(output) else []

    bench = Bench(reply('{"label":"bug","score":1}'), reply())
    done = completed(await bench.pipeline.run(work(task_=task(checks=[low]))))
    assert done.problems == ("score: too low",)
    assert bench.seen.of(Rejected) == [Rejected(task="label", rule="low")]


async def test_truncated_answer_is_asked_again_with_twice_the_room() -> None:
    bench = Bench(CUT, reply())
    done = completed(await bench.pipeline.run(work()))
    assert [request.max_output_tokens for request in bench.calls.requests] == [50, 100]
    assert bench.calls.requests[0].turns == bench.calls.requests[1].turns
    assert (done.doubled, done.problems, done.record_attempts) == (True, (), 1)


async def test_repair_of_a_doubled_answer_keeps_the_room() -> None:
    bench = Bench(CUT, BAD, reply())
    done = completed(await bench.pipeline.run(work()))
    assert [request.max_output_tokens for request in bench.calls.requests] == [50, 100, 100]
    assert (done.calls, done.doubled, len(done.problems)) == (3, True, 1)


async def test_truncated_repair_keeps_its_problems_and_gets_the_room() -> None:
    bench = Bench(BAD, CUT, reply())
    done = completed(await bench.pipeline.run(work()))
    assert [len(request.turns) for request in bench.calls.requests] == [1, 3, 3]
    assert bench.calls.requests[2].turns[1].text == BAD.text
    assert bench.calls.requests[2].max_output_tokens == 100
    assert done.calls == 3


async def test_sums_count_every_answer_bought() -> None:
    usage = Usage(input_tokens=10, cache_read_input_tokens=7, output_tokens=5)
    last = reply(usage=usage, cost_nanousd=1300)
    cut = replace(last, text=GOOD[:-1], stop_reason="max_tokens")
    bench = Bench(replace(last, text=""), cut, last, call_s=0.25)
    done = completed(await bench.pipeline.run(work()))
    assert done.usage == usage + usage + usage
    assert (done.cost_nanousd, done.claude_s, done.calls) == (3900, 0.75, 3)


async def test_first_call_begins_when_it_leaves_and_not_when_it_stands_in_line() -> None:
    bench = Bench(BAD, reply(), wait_s=8.0, call_s=90.0)
    asked_at = bench.clock()
    done = completed(await bench.pipeline.run(work()))
    assert done.first_call_at == asked_at + 8
    assert done.claude_s == 180


async def test_time_of_a_failed_call_is_time_of_claude_too() -> None:
    bench = Bench(LookupError("no"), reply(), wait_s=8.0, call_s=2.0)
    asked_at = bench.clock()
    held = await bench.pipeline.run(work())
    assert isinstance(held, Held)
    assert (held.progress.calls, held.progress.claude_s, held.progress.replies) == (1, 2, ())
    bench.clock.advance(60)
    done = completed(await bench.pipeline.run(work(), held.progress))
    assert (done.calls, done.claude_s, done.first_call_at) == (2, 4, asked_at + 8)


async def test_answer_bought_before_is_judged_without_a_call() -> None:
    bench = Bench()
    bought = progress(replies=(reply(),), calls=1, context={})
    assert completed(await bench.pipeline.run(work(), bought)) == bought


async def test_held_event_goes_on_where_it_stopped() -> None:
    tired = LookupError("no")
    bench = Bench(BAD, tired, reply())
    held = await bench.pipeline.run(work())
    assert isinstance(held, Held)
    assert held.progress.replies == (BAD,)
    done = completed(await bench.pipeline.run(work(), held.progress))
    assert (len(done.replies), done.calls) == (2, 3)
    assert [len(request.turns) for request in bench.calls.requests] == [1, 3, 3]


@pytest.mark.parametrize("stop_reason", ["stop_sequence", "tool_use", "something_new"])
async def test_other_stop_reasons_are_judged_by_the_text(stop_reason: str) -> None:
    completed(await Bench(reply(stop_reason=stop_reason)).pipeline.run(work()))


async def test_every_answer_is_kept_by_its_turn_before_it_is_judged() -> None:
    bench, ears = Bench(CUT, BAD, reply()), Ears()
    await bench.pipeline.run(work(), listener=ears)
    assert ears.kept == [(0, CUT), (1, BAD), (2, reply())]


async def test_turns_of_a_restored_event_go_on_counting() -> None:
    bench, ears = Bench(reply()), Ears()
    done = completed(await bench.pipeline.run(work(), progress(replies=(BAD,), calls=1), ears))
    assert ears.kept == [(1, reply())]
    assert (done.calls, done.replies, done.record_attempts) == (2, (BAD, reply()), 1)


async def test_restored_invalid_answer_gets_its_repair_turn_by_its_own_text() -> None:
    bench = Bench(reply())
    completed(await bench.pipeline.run(work(), progress(replies=(CUT, BAD), calls=2)))
    (request,) = bench.calls.requests
    assert (request.turns[1].text, request.max_output_tokens) == (BAD.text, 100)


async def test_restored_answers_are_judged_one_after_the_other_without_a_call() -> None:
    bench, ears = Bench(), Ears()
    bought = progress(replies=(CUT, BAD, reply()), calls=3)
    done = completed(await bench.pipeline.run(work(), bought, ears))
    assert (done.judged, done.doubled, done.rejected) == (2, True, BAD.text)
    assert (done.calls, done.record_attempts, ears.kept) == (3, 2, [])


async def test_restored_answers_that_are_no_good_end_without_a_call() -> None:
    bench = Bench()
    outcome = await bench.pipeline.run(work(), progress(replies=(BAD, BAD), calls=2))
    assert isinstance(outcome, Failed)
    assert outcome.disposition is Disposition.OUTPUT_INVALID
    assert (outcome.progress.record_attempts, outcome.progress.calls) == (2, 2)


async def test_answer_that_was_bought_counts_though_the_event_has_expired_since() -> None:
    bench = Bench()
    bought = progress(replies=(reply(),), calls=1)
    completed(await bench.pipeline.run(work(expires_at=49.0), bought))
