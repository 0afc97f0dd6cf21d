"""The sum of a day's calls, as one worker knows it."""

from agents.budget.spending import NANO, Spending
from schemas.workload import WorkloadClass


def test_own_calls_count_at_once() -> None:
    spending = Spending(10)
    spending.add(3 * NANO)
    spending.add(4 * NANO)
    assert spending.spent_nanousd == 7 * NANO
    assert not spending.holds(WorkloadClass.BATCH)
    spending.add(1 * NANO)
    assert spending.holds(WorkloadClass.BATCH)
    assert not spending.holds(WorkloadClass.REALTIME)


def test_what_is_taken_to_be_reported_still_counts() -> None:
    spending = Spending(10)
    spending.add(3 * NANO)
    assert spending.take_unreported() == 3 * NANO
    assert spending.take_unreported() == 0
    assert spending.spent_nanousd == 3 * NANO


def test_sum_of_all_workers_replaces_the_own_and_what_came_meanwhile_is_added() -> None:
    spending = Spending(10)
    spending.add(3)
    spending.take_unreported()
    spending.add(5)  # while the report is on its way
    spending.learn(100)
    assert spending.spent_nanousd == 105


def test_new_day_holds_nobody() -> None:
    spending = Spending(10)
    spending.learn(10 * NANO)
    assert spending.holds(WorkloadClass.REALTIME)
    spending.learn(0)
    assert not any(spending.holds(workload) for workload in WorkloadClass)


def test_spending_is_shown_in_dollars() -> None:
    spending = Spending(10)
    spending.learn(1_500_000_000)
    assert repr(spending) == "Spending($1.50 of 10)"
