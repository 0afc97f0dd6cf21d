"""Reports and standings of one budget, with only the interesting part left to say."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

from typing import Any

from schemas.lease import Unit
from schemas.standing import BudgetReport, Group, Standing, WorkerReport
from schemas.workload import WorkloadClass
from tests.builders import MODEL

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
LIMITS = [1000.0, 2_000_000.0, 400_000.0]


def report(**changes: Any) -> BudgetReport:
    plain: dict[str, Any] = {
        "budget": MODEL,
        "models": (MODEL,),
        "limits": LIMITS,
        "available": [10.0, 20_000.0, 4000.0],
        "used": {},
        "waiting": {},
    }
    return BudgetReport(**plain | changes)


def group(spent_nanousd: int = 0, **workers: BudgetReport) -> Group:
    """A group whose workers have one budget each."""
    reports = {
        name: WorkerReport(worker=name, classes=tuple(WorkloadClass), budgets=(budget,))
        for name, budget in workers.items()
    }
    return Group(workers=reports, spent_nanousd=spent_nanousd)


def standing(**changes: Any) -> Standing:
    plain: dict[str, Any] = {
        "budget": MODEL,
        "models": (MODEL,),
        "workers": 2,
        "limits": LIMITS,
        "available": [10.0, 20_000.0, 4000.0],
        "used": [0.0, 0.0, 0.0],
        "used_by": {},
        "waiting": {},
        "in_flight": 0,
        "closed_s": 0.0,
        "closed_for": "",
    }
    return Standing(**plain | changes)


def using(part: float, unit: Unit = Unit.REQUESTS, **changes: Any) -> Standing:
    """A budget of which batch used this part of one unit."""
    used = [part * limit if row is unit else 0.0 for row, limit in zip(Unit, LIMITS, strict=True)]
    return standing(used=used, used_by={BATCH: used}, **changes)
