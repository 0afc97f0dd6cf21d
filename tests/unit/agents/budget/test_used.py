import pytest

from agents.budget.used import MINUTE_S, Used
from schemas.lease import PRIORITIES, nothing

NOW = 1000.9


def test_nothing_is_used_at_first() -> None:
    assert Used().last_minute(NOW) == [nothing()] * PRIORITIES


def test_classes_are_counted_apart() -> None:
    used = Used()
    used.add(0, [1.0, 10.0, 5.0], NOW)
    used.add(3, [1.0, 20.0, 6.0], NOW)
    used.add(3, [1.0, 30.0, 7.0], NOW + 5)
    rows = used.last_minute(NOW + 5)
    assert rows == [[1, 10, 5], nothing(), nothing(), [2, 50, 13], nothing()]


@pytest.mark.parametrize(("after_s", "requests"), [(0, 2), (59, 2), (59.2, 1), (60, 1), (61, 0)])
def test_whole_seconds_leave_after_a_minute(after_s: float, requests: int) -> None:
    used = Used()
    used.add(1, [1.0, 0.0, 0.0], NOW)
    used.add(1, [1.0, 0.0, 0.0], NOW + 0.2)
    assert used.last_minute(NOW + after_s)[1][0] == requests


def test_amount_that_is_counted_does_not_change_what_was_told() -> None:
    used = Used()
    used.add(1, [1.0, 0.0, 0.0], NOW)
    before = used.last_minute(NOW)
    used.add(1, [1.0, 0.0, 0.0], NOW)
    assert before[1][0] == 1
    assert used.last_minute(NOW)[1][0] == 2


def test_clock_that_goes_back_loses_nothing() -> None:
    used = Used()
    used.add(0, [1.0, 0.0, 0.0], NOW)
    used.add(0, [1.0, 0.0, 0.0], NOW - 5)
    assert used.last_minute(NOW)[0][0] == 2
    assert used.last_minute(NOW + MINUTE_S)[0][0] == 0
