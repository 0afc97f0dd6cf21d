"""How budgets stand: what workers report to each other, and what people look at."""

from schemas.base import Model
from schemas.lease import Amounts
from schemas.workload import WorkloadClass


class BudgetReport(Model):
    """One budget as one worker sees it. Amounts are requests, input tokens, output tokens.

    `limits` are a minute's, 0: not known. `used` is what this worker's calls that ended during the
    last minute used, by class; `available` is the stock of all workers.
    """

    budget: str
    models: tuple[str, ...]
    limits: Amounts
    available: Amounts
    used: dict[WorkloadClass, Amounts]
    waiting: dict[WorkloadClass, int]
    in_flight: int = 0
    closed_s: float = 0.0
    closed_for: str = ""


class WorkerReport(Model):
    """What a worker tells the others every few seconds."""

    worker: str
    classes: tuple[WorkloadClass, ...]
    budgets: tuple[BudgetReport, ...]


class Standing(Model):
    """One budget of the whole group.

    `ratios` are the parts of the limits used in the last minute, by unit; 0 where none is known.
    """

    budget: str
    models: tuple[str, ...]
    workers: int
    limits: Amounts
    available: Amounts
    used: Amounts
    used_by: dict[WorkloadClass, Amounts]
    waiting: dict[WorkloadClass, int]
    in_flight: int
    closed_s: float
    closed_for: str

    @property
    def ratios(self) -> Amounts:
        """Part of each limit that was used in the last minute."""
        rows = zip(self.used, self.limits, strict=True)
        return [used / limit if limit else 0.0 for used, limit in rows]


class Group(Model):
    """The workers alive, and what all of them spent today, in nano-dollars."""

    workers: dict[str, WorkerReport]
    spent_nanousd: int = 0
