"""The waiting line and the stock leased ahead."""

import pytest

from agents.budget.budget import AHEAD_S, LEAST_ASKED, MOST_ASKED, Budget
from agents.store.terms import MOST_CUSHION
from schemas.lease import Want, nothing
from tests.builders import MODEL
from tests.unit.agents.budget.builders import (
    CEILINGS,
    NEED,
    NOW,
    Worker,
    budget,
    held,
    join,
    lease,
    rules,
)


def test_first_call_stands_in_line() -> None:
    assert budget().take(NEED, 0, NOW) is None


def test_call_goes_at_once_from_the_stock_leased_ahead() -> None:
    made = budget()
    made.ask(NOW)
    made.apply(lease(ahead=[2.0, 20.0, 10.0], mark=[7.0, 70.0, 35.0]), NOW)
    taken = [made.take(NEED, 2, NOW + n) for n in range(3)]
    first, second = taken[0], taken[1]
    assert first
    assert second
    assert taken[2] is None
    assert (first.need, first.priority, first.granted_at) == (NEED, 2, NOW)
    assert first.mark == [8, 80, 40]
    assert second.mark == [9, 90, 45]
    assert first.id != second.id
    assert made.in_flight == 2


@pytest.mark.parametrize("short", range(3))
def test_stock_ahead_has_to_cover_every_unit(short: int) -> None:
    made = budget()
    made.ask(NOW)
    ahead = [amount - 0.1 * (u == short) for u, amount in enumerate(NEED)]
    made.apply(lease(ahead=ahead), NOW)
    assert made.take(NEED, 0, NOW) is None
    assert made.in_flight == 0


def test_nobody_takes_from_the_stock_ahead_past_those_who_wait() -> None:
    made = budget()
    join(made, [5.0, 0.0, 0.0], priority=3)
    made.ask(NOW)
    made.apply(lease(ahead=[2.0, 20.0, 10.0]), NOW)
    assert made.take(NEED, 0, NOW) is None


def test_stock_ahead_goes_back_with_the_next_ask() -> None:
    made = budget()
    made.ask(NOW)
    made.apply(lease(ahead=[3.0, 30.0, 15.0]), NOW)
    assert made.take(NEED, 0, NOW)
    assert made.ask(NOW).returned == [2, 20, 10]
    assert made.take(NEED, 0, NOW) is None
    assert made.ask(NOW).returned == nothing()


def test_ask_tells_who_asks_and_what_is_known() -> None:
    made = Budget(("b", "a"), rules(), "w7")
    asked = made.ask(NOW)
    assert (asked.budget, asked.worker, asked.rules, asked.share) == ("a+b", "w7", made.rules, 1)
    assert (asked.known, asked.bursts_s, asked.fresh) == (nothing(), nothing(), True)
    made.apply(lease(known=[50.0, 0.0, 0.0], bursts_s=[9.0, 1.0, 1.0]), NOW)
    made.share = 0.5
    asked = made.ask(NOW)
    assert (asked.known, asked.bursts_s, asked.fresh) == ([50, 0, 0], [9, 1, 1], False)
    assert asked.share == 0.5


def test_stock_ahead_is_that_of_the_own_rate() -> None:
    made = budget()
    made.ask(NOW)
    for second in range(1, 30):
        made.apply(lease(ahead=[10.0, 100.0, 50.0]), NOW + second - 1)
        for _ in range(10):
            assert made.take(NEED, 0, NOW + second)
        ahead = made.ask(NOW + second).ahead
    assert ahead == pytest.approx([10 * AHEAD_S * amount for amount in NEED], rel=1e-3)


def test_wants_are_sorted_by_class_then_deadline_then_arrival() -> None:
    made = budget()
    for priority, deadline, amount in [(3, 1, 1), (0, 9, 2), (0, 2, 3), (0, 2, 4)]:
        join(made, [float(amount), 0.0, 0.0], priority, deadline)
    wants = made.ask(NOW).wants
    assert [want.need[0] for want in wants] == [3, 4, 2, 1]
    assert wants[3] == Want(priority=3, deadline=1, need=[1.0, 0.0, 0.0])


def test_those_granted_go_and_the_others_are_back_in_their_places() -> None:
    made = budget()
    tickets = [join(made, deadline=n) for n in range(3)]
    made.ask(NOW)
    later = join(made, deadline=0.5)  # comes while the question is under way
    assert made.waiting() == 4
    ((ticket, reservation),) = made.apply(lease(1, mark=[5.0, 50.0, 25.0]), NOW)
    assert ticket is tickets[1]
    assert (reservation.need, reservation.mark) == (NEED, [6, 60, 30])
    assert made.waiting() == 3
    made.ask(NOW)
    granted = made.apply(lease(0, 1, 2), NOW)
    assert [ticket for ticket, _ in granted] == [tickets[0], later, tickets[2]]


def test_marks_of_one_answer_count_up() -> None:
    made = budget()
    for _ in range(3):
        join(made)
    made.ask(NOW)
    granted = made.apply(lease(0, 1, 2, mark=[5.0, 50.0, 25.0]), NOW)
    assert [reservation.mark[0] for _, reservation in granted] == [6, 7, 8]


def test_who_came_meanwhile_is_served_from_the_stock_leased_ahead() -> None:
    made = budget()
    made.ask(NOW)
    batch, realtime = join(made, priority=3), join(made, priority=0)
    large = join(made, [5.0, 0.0, 0.0], priority=1)
    granted = made.apply(lease(ahead=[4.0, 40.0, 20.0]), NOW)
    assert [ticket for ticket, _ in granted] == [realtime]
    made.leave(large)
    made.ask(NOW)
    assert [ticket for ticket, _ in made.apply(lease(0), NOW)] == [batch]


def test_place_that_is_left_is_asked_for_no_more() -> None:
    made = budget()
    gone, stays = join(made), join(made)
    made.leave(gone)
    assert (made.waiting(), made.waiting_of(0), made.waiting_of(1)) == (1, 1, 0)
    assert len(made.ask(NOW).wants) == 1
    assert [ticket for ticket, _ in made.apply(lease(0), NOW)] == [stays]


def test_place_left_while_asked_for_does_not_come_back() -> None:
    made = budget()
    gone = join(made)
    made.ask(NOW)
    made.leave(gone)
    assert (made.waiting(), made.is_waited_for) == (0, True)
    made.apply(lease(), NOW)
    assert not made.is_waited_for
    assert made.ask(NOW).wants == ()


def test_first_of_a_class_is_told_so() -> None:
    made = budget()
    first, is_first = made.enqueue(NEED, 1, 5.0)
    assert is_first
    assert not made.enqueue(NEED, 1, 5.0)[1]
    assert made.enqueue(NEED, 1, 4.0)[1]
    assert made.enqueue(NEED, 3, 9.0)[1]
    made.ask(NOW)
    assert not made.enqueue(NEED, 1, 6.0)[1]
    assert made.enqueue(NEED, 1, 3.0)[1]
    assert not made.leave(first)


def test_head_that_leaves_is_told_so_wherever_it_stands() -> None:
    made = budget()
    first, second, third = (join(made, deadline=n) for n in range(3))
    assert made.leave(first)
    made.ask(NOW)
    assert made.leave(second)
    join(made, deadline=9)
    assert made.leave(third)


def test_unanswered_question_is_asked_again() -> None:
    made = budget()
    tickets = [join(made) for _ in range(2)]
    made.ask(NOW)
    made.unanswered()
    assert made.waiting() == 2
    assert len(made.ask(NOW).wants) == 2
    assert [ticket for ticket, _ in made.apply(lease(0, 1), NOW)] == tickets


def test_cleared_line_is_empty_and_keeps_what_is_in_flight() -> None:
    made = budget()
    held(made)
    asked = join(made)
    made.ask(NOW)
    join(made)
    made.clear()
    assert (made.waiting(), made.in_flight) == (0, 1)
    ((ticket, _),) = made.apply(lease(0), NOW)  # its owner is gone: to be settled at once
    assert ticket is asked
    assert ticket.left
    assert made.ask(NOW).wants == ()


def test_more_are_asked_for_while_all_are_granted_and_fewer_when_not() -> None:
    made = budget()
    for _ in range(1000):
        join(made)
    asked = []
    for _ in range(8):
        wants = len(made.ask(NOW).wants)
        asked.append(wants)
        made.apply(lease(*range(wants)), NOW)
    assert asked == [4, 8, 16, 32, 64, 128, 256, MOST_ASKED]
    made.ask(NOW)
    made.apply(lease(*range(10)), NOW)
    assert len(made.ask(NOW).wants) == 20
    made.apply(lease(), NOW)
    assert len(made.ask(NOW).wants) == LEAST_ASKED


def test_each_class_is_asked_for_by_itself() -> None:
    made = budget()
    for _ in range(20):
        join(made, priority=0)
        join(made, priority=3)
    made.ask(NOW)
    made.apply(lease(0, 1, 2, 3), NOW)
    assert [want.priority for want in made.ask(NOW).wants] == [0] * 8 + [3] * 4


def test_budget_stands_as_its_last_answer_says() -> None:
    made = budget()
    assert (made.limits, made.stock, made.has_heard) == (CEILINGS, nothing(), False)
    made.apply(lease(limits=[60.0, 0.0, 0.0], levels=[1.0, 2.0, 3.0], known=[60.0, 0.0, 0.0]), NOW)
    assert (made.limits, made.stock, made.has_heard) == ([60, 0, 0], [1, 2, 3], True)


def test_pool_and_budget_agree_on_what_is_there() -> None:
    worker = Worker.alone(budget())
    for _ in range(20):
        join(worker.budget)
    granted = [row for _ in range(4) for row in worker.exchange()]
    assert len(granted) == int(10 * (1 - MOST_CUSHION))
    for _, reservation in granted[:3]:
        worker.budget.settle(reservation, nothing(), worker.now)
    assert len(worker.exchange()) == 3
    worker.now += 0.2001
    assert len(worker.exchange()) == 2


def test_budget_says_what_it_holds() -> None:
    made = budget()
    held(made)
    join(made)
    assert repr(made) == f"Budget({MODEL}, 1 waiting, 1 in flight)"
