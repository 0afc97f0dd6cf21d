import math

import pytest

from streams.audit.trace import AHEAD, PASSED, Kind, Trace
from streams.audit.verdict import Memory, State, Verdict, judge

AT = 1000.0
ALL = Memory()


def result(mark: str = "id", **more: float) -> Trace:
    return trace(Kind.RESULT, 0, mark, **more)


def letter(replays: int = 0, mark: str = "REFUSED", **more: float) -> Trace:
    return trace(Kind.LETTER, replays, mark, **more)


def replay(replays: int = 1, mark: str = AHEAD, **more: float) -> Trace:
    return trace(Kind.REPLAY, replays, mark, **more)


def parked(replays: int = 0, mark: str = "OPERATOR", **more: float) -> Trace:
    return trace(Kind.PARKED, replays, mark, **more)


def trace(kind: Kind, replays: int, mark: str, at: float = AT + 1, copies: int = 1) -> Trace:
    return Trace(kind=kind, replays=replays, mark=mark, at=at, copies=copies)


def judged(*traces: Trace, memory: Memory = ALL, passed: bool = True) -> Verdict:
    return judge(AT, traces, memory, passed=passed)


ONE_END = {
    "result": (State.RESULT, [result()]),
    "letter": (State.OPEN, [letter()]),
    "letter sent again and answered": (State.RESULT, [letter(), replay(), result()]),
    "replay consumed and answered": (State.RESULT, [letter(), replay(mark=PASSED), result()]),
    "replay failed": (State.OPEN, [letter(), replay(), letter(1)]),
    "second replay answered": (State.RESULT, [letter(), replay(), letter(1), replay(2), result()]),
    "second replay failed": (
        State.PARKED,
        [letter(), replay(), letter(1), replay(2), parked(2, "REPLAY_CAP")],
    ),
    "resolved by a person": (State.PARKED, [letter(), parked()]),
    "resolved after a replay": (State.PARKED, [letter(), replay(), letter(1), parked(1)]),
    "record of the replay is gone": (State.OPEN, [letter(), letter(1)]),
    "letter is gone, its rest is there": (State.PARKED, [parked()]),
    "two different letters, sent again and answered": (
        State.RESULT,
        [letter(), letter(mark="TRUNCATED"), replay(), result()],
    ),
}
NO_END = {
    "nothing, committed": (State.MISSING, True, []),
    "nothing, not committed": (State.WAITING, False, []),
    "sent again": (State.REPLAYING, True, [letter(), replay()]),
    "sent again, letter gone": (State.REPLAYING, True, [replay()]),
    "sent again twice": (State.REPLAYING, True, [letter(), replay(), letter(1), replay(2)]),
    "replay consumed without an end": (State.MISSING, True, [letter(), replay(mark=PASSED)]),
    "mark consumed, the record in the input topic is not": (
        State.REPLAYING,
        True,
        [letter(), replay(mark=PASSED), replay(mark=AHEAD)],
    ),
    "first replay consumed, the second is not": (
        State.REPLAYING,
        True,
        [letter(), replay(mark=PASSED), letter(1), replay(2)],
    ),
}
DOUBLE = {
    "two results": (State.RESULT, [result("one"), result("two")]),
    "result and letter": (State.RESULT, [result(), letter()]),
    "result and letter of the replay": (State.RESULT, [letter(), replay(), result(), letter(1)]),
    "result and parked": (State.RESULT, [result(), letter(), parked()]),
    "two different letters": (State.OPEN, [letter(mark="REFUSED"), letter(mark="TRUNCATED")]),
    "two different letters of a replay": (
        State.OPEN,
        [letter(), replay(), letter(1, "REFUSED"), letter(1, "TRUNCATED")],
    ),
    "resolved while its replay ran": (State.PARKED, [letter(), replay(), parked(), parked(2)]),
}


@pytest.mark.parametrize("case", ONE_END)
@pytest.mark.parametrize("passed", [True, False])
def test_one_end(case: str, passed: bool) -> None:  # noqa: FBT001 - a parameter of the table
    state, traces = ONE_END[case]
    verdict = judged(*traces, passed=passed)
    assert (verdict.state, len(verdict.ends), verdict.repeated) == (state, 1, 0)


@pytest.mark.parametrize("case", NO_END)
def test_no_end(case: str) -> None:
    state, passed, traces = NO_END[case]
    assert judged(*traces, passed=passed) == Verdict(state=state)


@pytest.mark.parametrize("case", DOUBLE)
def test_more_than_one_end(case: str) -> None:
    state, traces = DOUBLE[case]
    verdict = judged(*traces)
    assert (verdict.state, len(verdict.ends)) == (state, 2)


@pytest.mark.parametrize("case", ONE_END | DOUBLE)
def test_the_order_of_reading_does_not_matter(case: str) -> None:
    _, traces = (ONE_END | DOUBLE)[case]
    forward, backward = judged(*traces), judged(*reversed(traces))
    assert forward.state == backward.state
    assert set(forward.ends) == set(backward.ends)


def test_copies_of_an_end_are_repeated_not_double() -> None:
    verdict = judged(letter(copies=2), replay(copies=5), result(copies=3))
    assert (verdict.state, len(verdict.ends), verdict.repeated) == (State.RESULT, 1, 3)


@pytest.mark.parametrize(
    ("since", "state"), [(AT, State.MISSING), (AT + 0.1, State.FORGOTTEN), (math.inf, "forgotten")]
)
def test_what_kafka_may_have_deleted_is_not_called_missing(since: float, state: State) -> None:
    assert judged(memory=Memory(ends=since)).state == state
    sent = replay(mark=PASSED, at=AT)
    assert judged(letter(), sent, memory=Memory(ends=since)).state == state


def test_what_waits_is_never_forgotten() -> None:
    memory = Memory(ends=math.inf)
    assert judged(memory=memory, passed=False).state is State.WAITING
    assert judged(letter(), replay(), memory=memory).state is State.REPLAYING


@pytest.mark.parametrize(("since", "ends"), [(AT + 1, 2), (AT + 2, 1)])
def test_letter_beside_a_result_is_a_step_when_its_replay_may_be_deleted(
    since: float, ends: int
) -> None:
    verdict = judged(letter(), result(), memory=Memory(replays=since))
    assert (verdict.state, len(verdict.ends)) == (State.RESULT, ends)


def test_lone_letter_is_open_however_old_it_is() -> None:
    assert judged(letter(), memory=Memory(replays=math.inf)).state is State.OPEN
