from agents.budget.reporting import report
from schemas.lease import REPLAY, Closing, nothing
from schemas.workload import WorkloadClass
from tests.builders import MODEL
from tests.unit.agents.budget.builders import CEILINGS, NEED, NOW, budget, held, join, lease

EVERY = tuple(WorkloadClass)


def test_worker_reports_its_classes_and_each_of_its_budgets() -> None:
    made = report("w7", [WorkloadClass.BATCH], [budget(), budget()], NOW)
    assert (made.worker, made.classes) == ("w7", (WorkloadClass.BATCH,))
    assert [row.budget for row in made.budgets] == [MODEL, MODEL]


def test_budget_that_was_never_asked_for_reports_what_is_configured() -> None:
    (row,) = report("w1", EVERY, [budget()], NOW).budgets
    assert (row.models, row.limits, row.available) == ((MODEL,), CEILINGS, nothing())
    assert row.used == dict.fromkeys(EVERY, nothing())
    assert row.waiting == dict.fromkeys(EVERY, 0)
    assert (row.in_flight, row.closed_s, row.closed_for) == (0, 0, "")


def test_use_and_line_are_reported_by_class() -> None:
    made = budget()
    made.settle(held(made), [1.0, 7.0, 9.0], NOW)
    held(made)
    for priority in (1, 3, 3):
        join(made, priority=priority)
    (row,) = report("w1", EVERY, [made], NOW + 1).budgets
    assert row.used[WorkloadClass.REALTIME] == [1, 7, 9]
    assert row.used[WorkloadClass.BATCH] == nothing()
    assert list(row.waiting.values()) == [0, 1, 0, 2]
    assert row.in_flight == 1
    (row,) = report("w1", EVERY, [made], NOW + 60).budgets
    assert row.used[WorkloadClass.REALTIME] == nothing()


def test_debt_is_no_stock() -> None:
    made = budget()
    made.apply(lease(levels=[3.0, -20.0, 0.0], limits=[60.0, 0.0, 0.0]), NOW)
    (row,) = report("w1", EVERY, [made], NOW).budgets
    assert (row.limits, row.available) == ([60, 0, 0], [3, 0, 0])


def test_closing_is_reported_while_it_lasts() -> None:
    made = budget()
    join(made, NEED)
    made.close(Closing(seconds=9, reason="configuration"), NOW)
    (row,) = report("w1", EVERY, [made], NOW + 2).budgets
    assert (row.closed_s, row.closed_for) == (7, "configuration")
    (row,) = report("w1", EVERY, [made], NOW + 9).budgets
    assert (row.closed_s, row.closed_for) == (0, "")


def test_replays_are_shown_with_the_lowest_class() -> None:
    made = budget()
    for priority in (REPLAY, 3):
        join(made, priority=priority)
        made.ask(NOW)
        ((_, reservation),) = made.apply(lease(0), NOW)
        made.settle(reservation, [1.0, 7.0, 9.0], NOW)
    for priority in (REPLAY, REPLAY, 3, 0):
        join(made, priority=priority)
    (row,) = report("w1", EVERY, [made], NOW + 1).budgets
    assert row.used == dict.fromkeys(EVERY, nothing()) | {WorkloadClass.BATCH: [2, 14, 18]}
    assert list(row.waiting.values()) == [1, 0, 0, 3]
