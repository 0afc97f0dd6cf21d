"""What a budget tells the pool: settlements, headers, closings, probes."""

import pytest

from agents.budget.budget import Budget
from agents.budget.tickets import Reservation
from agents.store.line import PROBE_S
from schemas.lease import Closing, Heard, nothing
from tests.unit.agents.budget.builders import (
    NEED,
    NOW,
    Worker,
    budget,
    heard,
    held,
    join,
    lease,
)

CLOSING = Closing(seconds=7, reason="rate_limit")


def test_settling_returns_the_difference_once() -> None:
    made = budget()
    reservation = held(made)
    for _ in range(2):
        made.settle(reservation, [1.0, 7.0, 9.0], NOW)
    assert made.has_news
    assert made.in_flight == 0
    assert made.ask(NOW).returned == [0, 3, -4]
    assert made.ask(NOW).returned == nothing()


def test_use_is_known_when_a_call_is_settled_and_is_what_it_used() -> None:
    made = budget()
    reservation = held(made)
    assert made.used.last_minute(NOW) == [nothing()] * 5
    made.settle(reservation, [1.0, 7.0, 9.0], NOW + 50)
    assert made.used.last_minute(NOW + 50)[0] == [1, 7, 9]


def test_call_that_never_went_gives_all_back_and_used_nothing() -> None:
    made = budget()
    made.settle(held(made), nothing(), NOW)
    assert made.ask(NOW).returned == NEED
    assert made.used.last_minute(NOW) == [nothing()] * 5


def test_exact_estimate_is_no_news() -> None:
    made = budget()
    made.settle(held(made), NEED, NOW)
    assert not made.has_news


def test_headers_are_told_with_their_age_and_mark() -> None:
    made = budget()
    reservation = held(made, mark=[4.0, 40.0, 20.0])
    made.hear(heard(600, 9), reservation, NOW + 1, answered=True)
    assert (made.has_news, made.has_urgent_news) == (True, False)
    (told,) = made.ask(NOW + 3).told
    assert (told.age_s, told.mark) == (2, [5, 50, 25])
    assert (told.limits, told.remaining) == ([600, 0, 0], [9, 0, 0])
    assert made.ask(NOW + 4).told == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_headers_of_the_newest_request_win_whichever_comes_last(order: tuple[int, int]) -> None:
    made = budget()
    calls = [held(made, mark=[float(n), 0.0, 0.0]) for n in range(2)]
    for n in order:
        made.hear(heard(600, 9 - n), calls[n], NOW + n, answered=True)
    (told,) = made.ask(NOW + 5).told
    assert (told.age_s, told.mark[0], told.remaining[0]) == (4, 2, 8)


def test_older_headers_count_again_when_the_newer_ones_are_told() -> None:
    """Whether they are still news, the pool decides."""
    made = budget()
    old, new = held(made), held(made)
    made.hear(heard(600, 8), new, NOW + 1, answered=True)
    made.ask(NOW + 2)
    made.hear(heard(600, 9), old, NOW, answered=True)
    assert len(made.ask(NOW + 2).told) == 1


def test_response_without_limits_tells_nothing() -> None:
    made = budget()
    reservation = held(made)
    made.hear(Heard(limits=nothing(), remaining=nothing()), reservation, NOW, answered=True)
    assert not made.has_news


def test_closing_is_told_and_shuts_this_worker_at_once() -> None:
    made = budget()
    made.ask(NOW)
    made.apply(lease(ahead=[9.0, 90.0, 45.0]), NOW)
    made.close(CLOSING, NOW)
    assert made.take(NEED, 0, NOW + 6.9) is None
    assert (made.closed_s(NOW), made.closed_s(NOW + 6.5), made.closed_s(NOW + 7)) == (7, 0.5, 0)
    assert made.closed_for == "rate_limit"
    assert made.has_urgent_news
    assert made.ask(NOW).closing == CLOSING
    assert made.ask(NOW).closing is None


def test_shorter_closing_does_not_open_earlier() -> None:
    made = budget()
    made.close(CLOSING, NOW)
    made.close(Closing(seconds=3, reason="configuration"), NOW)
    assert (made.closed_s(NOW), made.closed_for) == (7, "rate_limit")
    assert made.ask(NOW).closing == CLOSING


def test_longer_closing_wins() -> None:
    made, longer = budget(), Closing(seconds=60, reason="configuration")
    made.close(CLOSING, NOW)
    made.close(longer, NOW)
    assert (made.closed_s(NOW), made.closed_for) == (60, "configuration")
    assert made.ask(NOW).closing == longer


def test_answer_from_before_a_closing_does_not_open() -> None:
    made = budget()
    made.ask(NOW)
    made.close(CLOSING, NOW)
    made.apply(lease(), NOW)
    assert made.closed_s(NOW) == 7


def test_closing_of_another_worker_comes_with_the_answer_and_goes_with_it() -> None:
    made = budget()
    made.apply(lease(closed_s=30.0, closed_for="configuration"), NOW)
    assert (made.closed_s(NOW + 1), made.closed_for) == (29, "configuration")
    made.apply(lease(), NOW + 2)
    assert made.closed_s(NOW + 2) == 0


def probing() -> tuple[Budget, Reservation]:
    """Return a budget whose one call in flight is a probe."""
    made = budget()
    return made, held(made, probing=True)


def answer(made: Budget, reservation: Reservation, *, answered: bool) -> None:
    nothing_told = Heard(limits=nothing(), remaining=nothing())
    made.hear(nothing_told, reservation, NOW, answered=answered)


def test_probe_is_answered_as_soon_as_its_headers_come() -> None:
    made, probe = probing()
    answer(made, probe, answered=True)
    assert made.has_urgent_news
    assert made.ask(NOW).probe == "answered"
    made.settle(probe, NEED, NOW)
    assert made.ask(NOW).probe == ""  # it is told once


@pytest.mark.parametrize("refused", [True, False])
def test_probe_that_ends_without_an_answer_has_failed(*, refused: bool) -> None:
    made, probe = probing()
    if refused:
        answer(made, probe, answered=False)
        assert not made.has_news
    made.settle(probe, nothing(), NOW)
    assert made.has_urgent_news
    assert made.ask(NOW).probe == "failed"


def test_call_that_is_no_probe_opens_nothing() -> None:
    made, _ = probing()
    other = held(made)
    answer(made, other, answered=True)
    made.settle(other, NEED, NOW)
    assert made.ask(NOW).probe == ""


def test_unknown_limits_are_found_out_by_one_call_and_then_all_may_go() -> None:
    worker = Worker.alone(budget(nothing()))
    for _ in range(5):
        join(worker.budget)
    ((_, probe),) = worker.exchange()
    assert worker.exchange() == []
    worker.budget.hear(heard(6000, 5999), probe, NOW, answered=True)
    assert len(worker.exchange()) == 4
    assert worker.budget.has_heard
    assert worker.budget.limits == [6000, 0, 0]


def closed() -> Worker:
    """Return a worker of a budget that was closed for seven seconds, which are over now."""
    worker = Worker.alone(budget())
    for _ in range(3):
        join(worker.budget)
    worker.budget.close(CLOSING, worker.now)
    assert worker.exchange() == []
    worker.now += 7
    return worker


def test_closed_budget_opens_with_one_probe_and_then_for_all() -> None:
    worker = closed()
    ((_, probe),) = worker.exchange()
    worker.now += 1
    assert worker.exchange() == []
    answer(worker.budget, probe, answered=True)
    assert len(worker.exchange()) == 2


def test_probe_that_never_went_leaves_its_part_to_the_next() -> None:
    worker = closed()
    ((_, probe),) = worker.exchange()
    worker.budget.settle(probe, nothing(), worker.now)
    assert len(worker.exchange()) == 1
    assert worker.exchange() == []


def test_probe_that_hangs_is_followed_by_another_and_not_by_the_crowd() -> None:
    worker = closed()
    ((_, hangs),) = worker.exchange()
    worker.now += PROBE_S
    ((_, second),) = worker.exchange()
    assert worker.exchange() == []
    worker.budget.settle(second, nothing(), worker.now)  # it failed: a third one goes
    assert len(worker.exchange()) == 1
    join(worker.budget)
    assert worker.exchange() == []
    answer(worker.budget, hangs, answered=True)  # late, and still an answer after the closing
    assert len(worker.exchange()) == 1


def test_probe_of_an_earlier_closing_opens_nothing() -> None:
    worker = closed()
    ((_, slow),) = worker.exchange()
    worker.budget.close(CLOSING, worker.now)
    worker.exchange()
    worker.now += 7
    assert len(worker.exchange()) == 1
    answer(worker.budget, slow, answered=True)
    worker.budget.settle(slow, NEED, worker.now)
    assert worker.exchange() == []


def test_calls_in_the_air_at_closing_do_not_open() -> None:
    worker = Worker.alone(budget())
    join(worker.budget)
    ((_, flying),) = worker.exchange()
    worker.budget.close(CLOSING, worker.now)
    join(worker.budget)
    answer(worker.budget, flying, answered=True)
    worker.budget.settle(flying, NEED, worker.now)
    assert worker.exchange() == []
    assert worker.budget.closed_s(worker.now) == 7
