import pytest

from agents.budget.standing import standings
from schemas.standing import Group, WorkerReport
from tests.standing_builders import BATCH, LIMITS, REALTIME, group, report


def test_nobody_reports_nothing() -> None:
    assert standings(Group(workers={})) == ()
    silent = WorkerReport(worker="a", classes=(), budgets=())
    assert standings(Group(workers={"a": silent})) == ()


def test_what_workers_use_and_who_waits_is_added_up() -> None:
    a = report(
        used={BATCH: [3.0, 30.0, 300.0], REALTIME: [1.0, 10.0, 100.0]},
        waiting={BATCH: 5},
        in_flight=2,
    )
    b = report(used={BATCH: [4.0, 40.0, 400.0]}, waiting={BATCH: 6, REALTIME: 1}, in_flight=3)
    (found,) = standings(group(a=a, b=b))
    assert found.used_by == {REALTIME: [1.0, 10.0, 100.0], BATCH: [7.0, 70.0, 700.0]}
    assert found.used == [8.0, 80.0, 800.0]
    assert found.waiting == {REALTIME: 1, BATCH: 11}
    assert (found.workers, found.in_flight) == (2, 5)


def test_limits_are_of_the_first_worker_by_name_that_knows_them() -> None:
    other = [9.0, 9.0, 9.0]
    (found,) = standings(group(c=report(limits=other), b=report(), a=report(limits=[0.0] * 3)))
    assert found.limits == LIMITS


def test_nobody_knows_a_limit() -> None:
    (found,) = standings(group(a=report(limits=[0.0] * 3, used={BATCH: [1.0, 2.0, 3.0]})))
    assert (found.limits, found.ratios) == ([0.0] * 3, [0.0] * 3)


def test_stock_is_shared_so_its_smallest_report_counts() -> None:
    a, b = report(available=[5.0, 900.0, 7.0]), report(available=[6.0, 800.0, 7.0])
    (found,) = standings(group(a=a, b=b))
    assert found.available == [5.0, 800.0, 7.0]


def test_longest_closing_counts_with_its_reason() -> None:
    a = report(closed_s=3.0, closed_for="rate_limit")
    b = report(closed_s=40.0, closed_for="configuration")
    (found,) = standings(group(a=a, b=b))
    assert (found.closed_s, found.closed_for) == (40.0, "configuration")


def test_open_budget_has_no_reason() -> None:
    (found,) = standings(group(a=report(closed_for="rate_limit")))
    assert (found.closed_s, found.closed_for) == (0.0, "")


@pytest.mark.parametrize("order", [("haiku", "sonnet"), ("sonnet", "haiku")])
def test_each_budget_has_a_row_in_the_order_of_names(order: tuple[str, str]) -> None:
    budgets = tuple(report(budget=name, models=(name,)) for name in order)
    worker = WorkerReport(worker="a", classes=(), budgets=budgets)
    found = standings(Group(workers={"a": worker}))
    assert [row.budget for row in found] == ["haiku", "sonnet"]
