"""The budgets of the whole group, added up from what its workers report. Pure."""

from collections.abc import Iterable

from schemas.lease import Amounts, nothing
from schemas.standing import BudgetReport, Group, Standing
from schemas.workload import WorkloadClass


def standings(group: Group) -> tuple[Standing, ...]:
    """Return one row a budget, sorted by name.

    Limits and models are those of the first worker by name that knows a limit. The stock is one
    for all, so its smallest report is the newest. The longest closing counts. The rest is summed.
    """
    by_budget: dict[str, list[BudgetReport]] = {}
    for name in sorted(group.workers):
        for report in group.workers[name].budgets:
            by_budget.setdefault(report.budget, []).append(report)
    return tuple(_standing(name, by_budget[name]) for name in sorted(by_budget))


def _standing(budget: str, reports: list[BudgetReport]) -> Standing:
    first = next((report for report in reports if any(report.limits)), reports[0])
    closed = max(reports, key=lambda report: report.closed_s)
    used_by = _used_by(reports)
    return Standing(
        budget=budget,
        models=first.models,
        workers=len(reports),
        limits=first.limits,
        available=[min(stocks) for stocks in zip(*(r.available for r in reports), strict=True)],
        used=_sum(used_by.values()),
        used_by=used_by,
        waiting=_waiting(reports),
        in_flight=sum(report.in_flight for report in reports),
        closed_s=closed.closed_s,
        closed_for=closed.closed_for if closed.closed_s > 0 else "",
    )


def _used_by(reports: list[BudgetReport]) -> dict[WorkloadClass, Amounts]:
    """Sum by class, in the order of classes; a class that no worker names is left out."""
    named = {workload for report in reports for workload in report.used}
    return {
        workload: _sum(report.used.get(workload, nothing()) for report in reports)
        for workload in WorkloadClass
        if workload in named
    }


def _waiting(reports: list[BudgetReport]) -> dict[WorkloadClass, int]:
    named = {workload for report in reports for workload in report.waiting}
    return {
        workload: sum(report.waiting.get(workload, 0) for report in reports)
        for workload in WorkloadClass
        if workload in named
    }


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    return [sum(column) for column in zip(nothing(), *amounts, strict=True)]
