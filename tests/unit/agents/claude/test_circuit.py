from random import Random

import pytest

from agents.claude.circuit import (
    EVIDENCE_S,
    LEAST_FAILURES,
    MOST_TOLD_S,
    PERIODS_S,
    PROBE_S,
    SAME_S,
    SPREAD_S,
    WINDOW,
    WINDOW_S,
    Circuit,
    Pass,
)
from tests.fakes import ManualClock, Steady


class Model:
    """A circuit, and calls to its model that take no time."""

    def __init__(self, random: Random | None = None) -> None:
        self.circuit, self.clock = Circuit(random or Steady(1.0)), ManualClock()

    def enter(self, held: Pass | None = None) -> Pass | None:
        return self.circuit.enter(self.clock(), held)

    def let_in(self) -> Pass:
        found = self.enter()
        assert found
        return found

    def answer(self, leave: Pass | None = None) -> bool:
        return self.circuit.answered(leave or self.let_in(), self.clock())

    def fail(self, leave: Pass | None = None, *, begun: bool = False, told_s: float = 0) -> bool:
        found = leave or self.let_in()
        return self.circuit.failed(found, self.clock(), begun=begun, told_s=told_s)

    def break_down(self, *, begun: bool = False, told_s: float = 0) -> None:
        """Open it by failures alone."""
        done = [self.fail(begun=begun, told_s=told_s) for _ in range(LEAST_FAILURES)]
        assert done == [False] * (LEAST_FAILURES - 1) + [True]

    def probe(self) -> Pass:
        """Wait until somebody may go, and go."""
        self.clock.advance(max(PERIODS_S))
        return self.let_in()

    @property
    def is_closed(self) -> bool:
        return self.circuit.is_closed

    def opens_after_s(self) -> float:
        """Advance until somebody may go, and return how long that took."""
        since = self.clock()
        while not (leave := self.enter()):
            self.clock.advance(0.01)
        self.circuit.leave(leave)
        return self.clock() - since


def test_few_failures_and_a_minority_of_them_change_nothing() -> None:
    model = Model()
    for _ in range(LEAST_FAILURES - 1):
        assert not model.fail()
    assert model.is_closed
    mixed = Model()
    for _ in range(50):
        for _ in range(11):
            mixed.answer()
        for _ in range(9):
            assert not mixed.fail()
    assert mixed.is_closed


def test_half_of_the_last_answers_open_it() -> None:
    model = Model()
    for _ in range(100):
        model.answer()
    assert [model.fail() for _ in range(WINDOW // 2)] == [False] * 9 + [True]
    assert model.enter() is None
    assert repr(model.circuit) == "Circuit(open, 10 of 20 failed)"


def test_old_answers_do_not_count() -> None:
    model = Model()
    for _ in range(LEAST_FAILURES - 1):
        model.fail()
    model.clock.advance(WINDOW_S + 1)
    assert not model.fail()
    assert (model.circuit.failures, model.circuit.calls) == (1, 1)


def test_one_fault_of_twenty_calls_never_opens_it() -> None:
    random, model = Random(7), Model()
    for _ in range(200_000):
        model.clock.advance(0.01)
        if random.random() < 0.05:
            model.fail()
        else:
            model.answer()
        assert model.is_closed


def test_waits_grow_to_five_seconds_and_begin_anew_after_a_calm_time() -> None:
    model = Model()
    model.break_down()
    waits = []
    for _ in range(6):
        waits.append(model.opens_after_s())
        model.fail()
    assert waits == pytest.approx([1, 2, 4, 5, 5, 5], abs=0.02)
    model.answer(model.probe())
    model.clock.advance(SAME_S + 1)
    model.break_down()
    assert model.opens_after_s() == pytest.approx(1, abs=0.02)


def test_outage_that_comes_back_at_once_goes_on_with_its_waits() -> None:
    model = Model()
    model.break_down()
    model.answer(model.probe())
    model.break_down()
    assert model.opens_after_s() == pytest.approx(2, abs=0.02)


def test_workers_do_not_march_in_step() -> None:
    waits = set()
    for seed in range(20):
        model = Model(Random(seed))
        model.break_down()
        waits.add(round(model.opens_after_s(), 2))
    assert len(waits) > 10
    assert 0.5 <= min(waits) <= max(waits) <= 1.01


def test_time_that_the_api_names_is_obeyed_within_reason() -> None:
    for told_s, wait_s in ((20.0, 20.0), (3600.0, MOST_TOLD_S)):
        model = Model()
        model.break_down(told_s=told_s)
        assert model.opens_after_s() == pytest.approx(wait_s, abs=0.02)


def test_one_probe_goes_and_its_success_lets_the_crowd_go() -> None:
    model = Model()
    model.break_down()
    probe = model.probe()
    assert model.circuit.is_probe(probe)
    assert [model.enter() for _ in range(3)] == [None] * 3
    assert model.answer(probe)
    assert model.is_closed
    assert model.circuit.calls == 0
    crowd = [model.let_in() for _ in range(3)]
    assert not any(model.circuit.is_probe(leave) for leave in crowd)


def test_probe_keeps_its_place_through_a_wait() -> None:
    model = Model()
    model.break_down()
    probe = model.probe()
    model.clock.advance(1)
    assert model.enter(probe) is probe


def test_probe_that_gives_up_makes_room_for_another() -> None:
    model = Model()
    model.break_down()
    probe = model.probe()
    model.circuit.leave(probe)
    assert model.circuit.is_probe(model.let_in())
    model.circuit.leave(probe)  # once more, late: it takes nobody's place
    assert model.enter() is None


def test_hanging_probe_makes_room_after_a_while_and_may_still_succeed() -> None:
    model = Model()
    model.break_down()
    hanging = model.probe()
    model.clock.advance(PROBE_S - 0.1)
    assert model.enter() is None
    model.clock.advance(0.1)
    second = model.let_in()
    assert model.enter(hanging) is None  # if it had not left yet
    assert not model.fail(hanging)
    assert model.circuit.is_probe(second)
    assert model.answer(hanging)


def test_sign_of_life_closes_it_and_keeps_none_closed() -> None:
    model = Model()
    model.break_down()
    assert model.circuit.lives(model.probe(), model.clock())
    for _ in range(WINDOW):
        assert not model.circuit.lives(model.let_in(), model.clock())
    model.break_down()


def test_headers_of_a_200_close_it() -> None:
    model = Model()
    model.break_down()
    probe = model.probe()
    assert model.circuit.begun(probe, model.clock())
    assert not model.answer(probe)
    assert model.circuit.calls == 0  # what a probe brought is no answer of the time after it


@pytest.mark.parametrize("first", [True, False], ids=["opened by cuts", "probe cut"])
def test_headers_prove_nothing_after_answers_that_were_cut(*, first: bool) -> None:
    model = Model()
    model.break_down(begun=first)
    if not first:
        model.fail(model.probe(), begun=True)
    probe = model.probe()
    assert not model.circuit.begun(probe, model.clock())
    assert not model.is_closed
    assert model.answer(probe)


def test_calls_that_left_before_a_change_say_nothing_of_the_time_after_it() -> None:
    model = Model()
    early = [model.let_in() for _ in range(LEAST_FAILURES)]
    model.break_down()
    assert not model.answer(early[0])
    assert not model.is_closed
    model.answer(model.probe())
    for leave in early:
        assert not model.fail(leave)
    assert (model.is_closed, model.circuit.calls) == (True, 0)


def test_leave_is_renewed_after_a_change() -> None:
    model = Model()
    early = model.let_in()
    assert model.enter(early) is early
    model.break_down()
    assert model.enter(early) is None
    model.answer(model.probe())
    renewed = model.enter(early)
    assert renewed
    assert renewed is not early


@pytest.mark.parametrize(("share", "spread_s"), [(0.0, 0.0), (1.0, SPREAD_S)])
def test_those_who_wait_come_back_soon_after_it_may_open(share: float, spread_s: float) -> None:
    model = Model(Steady(share))
    model.break_down()
    model.clock.advance(0.25)
    period_s = 0.5 + share / 2
    wait_s = model.circuit.wait_s(model.clock())
    assert wait_s == pytest.approx(period_s - 0.25 + spread_s)
    model.probe()
    assert model.circuit.wait_s(model.clock()) == pytest.approx(SPREAD_S + spread_s)


def test_open_time_is_counted_from_the_first_opening() -> None:
    model = Model()
    assert model.circuit.open_s(model.clock()) == 0
    model.break_down()
    model.fail(model.probe())
    assert model.circuit.open_s(model.clock()) == max(PERIODS_S)


def accused(model: Model, record: object) -> bool:
    return model.circuit.accuses(model.let_in(), record, model.clock())


def test_only_answers_to_others_within_the_minute_speak_against_a_record() -> None:
    model = Model()
    one, other = object(), object()
    assert not accused(model, one)
    model.circuit.witness(one, model.clock())
    assert not accused(model, one)
    assert accused(model, other)
    model.circuit.witness(other, model.clock())
    model.circuit.witness(one, model.clock())
    model.circuit.witness(one, model.clock())
    assert accused(model, one)
    model.clock.advance(EVIDENCE_S)
    assert not accused(model, one)


def test_nobody_is_accused_of_what_broke_in_an_outage() -> None:
    model = Model()
    model.circuit.witness(object(), model.clock())
    early = model.let_in()
    model.break_down()
    assert not model.circuit.accuses(early, object(), model.clock())
    probe = model.probe()
    model.circuit.witness(object(), model.clock())
    assert not model.circuit.accuses(probe, object(), model.clock())
    model.answer(probe)
    assert not model.circuit.accuses(early, object(), model.clock())
    assert accused(model, object())
