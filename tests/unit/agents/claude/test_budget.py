import pytest

from agents.claude.budget import NOTHING, PROBE_PATIENCE_S, Budget, Need, Reservation, Ticket
from agents.claude.limits import Unit
from schemas.sections import Ceiling

NOW = 1000.0
CEILING = Ceiling(
    requests_per_minute=600, input_tokens_per_minute=60_000, output_tokens_per_minute=6_000
)
SMALL = Need(input_tokens=10, output_tokens=10)


def budget() -> Budget:
    """Return a budget of 10 requests, 1,000 input and 100 output tokens a second."""
    return Budget(CEILING, NOW)


def ask(budget: Budget, need: Need = SMALL, priority: int = 0, deadline: float = 0) -> Ticket:
    return budget.enqueue(need, priority, deadline)


def granted(budget: Budget, now: float = NOW) -> list[Reservation]:
    return [reservation for _, reservation in budget.grant(now).granted]


def levels(budget: Budget) -> list[float]:
    return [bucket.level for bucket in budget.buckets.values()]


def used(budget: Budget, now: float) -> list[float]:
    return [bucket.used_last_minute(now) for bucket in budget.buckets.values()]


def test_grant_takes_from_all_three_buckets() -> None:
    made = budget()
    ask(made, Need(input_tokens=300, output_tokens=40))
    assert len(granted(made)) == 1
    assert levels(made) == [9, 700, 60]
    assert made.in_flight == 1


@pytest.mark.parametrize(
    ("need", "wait_s"),
    [
        (Need(input_tokens=650, output_tokens=0), 0.05),  # a tenth of a second's refill stays
        (Need(input_tokens=1000, output_tokens=0), 0.3),
        (Need(input_tokens=0, output_tokens=100), 0.4),
        (Need(input_tokens=1000, output_tokens=100), 0.4),
        (Need(input_tokens=0, output_tokens=0, requests=10), 0.1),
    ],
)
def test_scarcest_unit_says_when_to_look_again_and_nothing_is_taken_before(
    need: Need, wait_s: float
) -> None:
    made = budget()
    ask(made, Need(input_tokens=300, output_tokens=40))
    granted(made)
    ask(made, need)
    grants = made.grant(NOW)
    assert grants.granted == ()
    assert grants.next_at == pytest.approx(NOW + wait_s)
    assert levels(made) == [9, 700, 60]
    assert len(granted(made, NOW + wait_s)) == 1


def test_nobody_waiting_needs_no_second_look() -> None:
    assert budget().grant(NOW).next_at is None


def test_settling_puts_the_difference_back() -> None:
    made = budget()
    ask(made, Need(input_tokens=300, output_tokens=40))
    (held,) = granted(made)
    made.settle(held, Need(input_tokens=250, output_tokens=60), NOW)
    assert levels(made) == [9, 750, 40]
    assert made.in_flight == 0


def test_use_is_known_when_a_call_is_settled_and_is_what_it_used() -> None:
    made = budget()
    ask(made, Need(input_tokens=300, output_tokens=40))
    (held,) = granted(made)
    assert used(made, NOW) == [0, 0, 0]
    made.settle(held, Need(input_tokens=250, output_tokens=60), NOW + 50)
    assert used(made, NOW + 50) == [1, 250, 60]
    assert used(made, NOW + 109) == [1, 250, 60]
    assert used(made, NOW + 110) == [0, 0, 0]


def test_settling_twice_counts_once() -> None:
    made = budget()
    ask(made)
    (held,) = granted(made)
    for _ in range(2):
        made.settle(held, SMALL, NOW)
    assert levels(made) == [9, 990, 90]
    assert used(made, NOW) == [1, 10, 10]


def test_call_that_never_went_gives_all_back_and_used_nothing() -> None:
    made = budget()
    ask(made)
    (held,) = granted(made)
    made.settle(held, NOTHING, NOW)
    assert levels(made) == [10, 1000, 100]
    assert used(made, NOW) == [0, 0, 0]


def test_headroom_of_the_scarcest_unit_is_never_granted() -> None:
    made = budget()
    for _ in range(20):
        ask(made, Need(input_tokens=1, output_tokens=1))
    grants = made.grant(NOW)
    assert len(grants.granted) == 9
    assert grants.next_at == pytest.approx(NOW + 0.1)
    assert len(granted(made, NOW + 0.1)) == 1


def test_cleared_line_is_empty_and_keeps_what_is_in_flight() -> None:
    made = budget()
    ask(made)
    granted(made)
    for _ in range(3):
        ask(made)
    made.clear()
    assert (made.waiting(), made.in_flight) == (0, 1)
    grants = made.grant(NOW + 60)
    assert (grants.granted, grants.next_at) == ((), None)
    ask(made)
    assert len(granted(made, NOW + 60)) == 1


def test_place_that_is_left_is_granted_to_nobody() -> None:
    made = budget()
    first, second = ask(made), ask(made)
    made.leave(first)
    assert made.waiting() == 1
    ((ticket, _),) = made.grant(NOW).granted
    assert ticket is second
    assert (made.waiting(), made.in_flight) == (0, 1)


def test_head_that_leaves_lets_the_next_one_go() -> None:
    made = budget()
    large = ask(made, Need(input_tokens=0, output_tokens=5000))
    ask(made, Need(input_tokens=0, output_tokens=80))
    granted(made)
    ask(made, Need(input_tokens=0, output_tokens=10))
    assert granted(made, NOW + 1) == []
    made.leave(large)
    assert granted(made, NOW + 1) == []  # the first grant left a debt of 4,900
    assert len(granted(made, NOW + 60)) == 2


def test_size_never_inverts_the_order() -> None:
    made = budget()
    large = ask(made, Need(input_tokens=0, output_tokens=80), deadline=5)
    small = [ask(made, Need(input_tokens=0, output_tokens=10), deadline=6) for _ in range(3)]
    made.buckets[Unit.OUTPUT_TOKENS].take(50)
    assert granted(made) == []
    order = [ticket for ticket, _ in made.grant(NOW + 1).granted]
    assert order == [large, small[0]]


def test_class_goes_before_deadline_and_deadline_before_arrival() -> None:
    made = budget()
    late = ask(made, priority=0, deadline=9)
    batch = ask(made, priority=3, deadline=1)
    soon = ask(made, priority=0, deadline=2)
    also = ask(made, priority=0, deadline=2)
    assert [ticket for ticket, _ in made.grant(NOW).granted] == [soon, also, late, batch]


def test_closed_budget_opens_with_one_probe() -> None:
    made = budget()
    made.close(NOW + 7)
    tickets = [ask(made) for _ in range(3)]
    assert made.grant(NOW).next_at == NOW + 7
    assert made.is_closed(NOW + 6.9)
    assert not made.is_closed(NOW + 7)
    grants = made.grant(NOW + 7)
    assert [ticket for ticket, _ in grants.granted] == tickets[:1]
    assert grants.next_at == NOW + 7 + PROBE_PATIENCE_S
    made.settle(grants.granted[0][1], SMALL, NOW + 8)
    assert len(granted(made, NOW + 8)) == 2


def test_probe_that_hangs_is_followed_by_another_and_not_by_the_crowd() -> None:
    made = budget()
    made.close(NOW + 7)
    for _ in range(3):
        ask(made)
    assert len(granted(made, NOW + 7)) == 1
    assert len(granted(made, NOW + 7 + PROBE_PATIENCE_S)) == 1
    assert granted(made, NOW + 8 + PROBE_PATIENCE_S) == []


def test_shorter_closing_does_not_open_earlier() -> None:
    made = budget()
    made.close(NOW + 7)
    made.close(NOW + 3)
    assert made.closed_until == NOW + 7


def test_probe_that_never_went_leaves_its_part_to_the_next() -> None:
    made = budget()
    made.close(NOW + 7)
    for _ in range(3):
        ask(made)
    (probe,) = granted(made, NOW + 7)
    made.settle(probe, NOTHING, NOW + 7)
    assert len(granted(made, NOW + 7)) == 1


def test_probe_of_an_earlier_closing_opens_nothing() -> None:
    made = budget()
    made.close(NOW + 1)
    for _ in range(3):
        ask(made)
    (slow,) = granted(made, NOW + 1)
    made.close(NOW + 5)
    assert len(granted(made, NOW + 5)) == 1
    made.settle(slow, SMALL, NOW + 6)
    assert granted(made, NOW + 6) == []


def test_calls_in_the_air_at_closing_do_not_open() -> None:
    made = budget()
    ask(made)
    (held,) = granted(made)
    made.close(NOW + 5)
    ask(made)
    made.settle(held, SMALL, NOW)
    assert granted(made) == []


def test_budget_says_what_it_holds() -> None:
    made = budget()
    ask(made)
    assert repr(made) == (
        "Budget(requests 10/600, input_tokens 1000/60000, output_tokens 100/6000, "
        "1 waiting, 0 in flight)"
    )
