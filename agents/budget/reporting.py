"""What a worker tells the others about its budgets."""

from collections.abc import Iterable

from agents.budget.budget import Budget
from schemas.lease import REPLAY, Amounts, nothing
from schemas.standing import BudgetReport, WorkerReport
from schemas.workload import WORKLOADS, WorkloadClass


def report(
    worker: str, classes: Iterable[WorkloadClass], budgets: Iterable[Budget], now: float
) -> WorkerReport:
    """Return this worker's report; `now` is on the budgets' clock."""
    return WorkerReport(
        worker=worker,
        classes=tuple(classes),
        budgets=tuple(_budget(budget, now) for budget in budgets),
    )


def _budget(budget: Budget, now: float) -> BudgetReport:
    lease, used = budget.lease, budget.used.last_minute(now)
    closed_s = budget.closed_s(now)
    return BudgetReport(
        budget=budget.name,
        models=budget.models,
        limits=list(budget.limits),
        available=[max(0.0, level) for level in lease.levels] if lease else nothing(),
        used={w: _sum(used[priority] for priority in _priorities(w)) for w in WORKLOADS},
        waiting={w: sum(map(budget.waiting_of, _priorities(w))) for w in WORKLOADS},
        in_flight=budget.in_flight,
        closed_s=closed_s,
        closed_for=budget.closed_for if closed_s else "",
    )


def _priorities(workload: WorkloadClass) -> tuple[int, ...]:
    """Return the ranks shown as a class; replays, below all classes, show with the lowest."""
    own = WORKLOADS[workload].priority
    return (own, REPLAY) if own == REPLAY - 1 else (own,)


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    return [sum(column) for column in zip(*amounts, strict=True)]
