"""How budgets stand: what workers report to each other, and what people look at."""

from pydantic import Field

from schemas.base import Model
from schemas.claim import Reset
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
    floods: dict[WorkloadClass, int] = Field(default_factory=dict)
    """Classes whose flood breaker is open here, and how many records it holds."""
    outages: tuple[str, ...] = ()
    """Models whose circuit is open here."""
    refusals: dict[str, str] = Field(default_factory=dict)
    """Topics that take nothing from this worker, and why."""


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
    """The workers alive, and what they have in common.

    `spent_nanousd` is of this UTC day. `open_letters` are dead letters that nobody has dealt with.
    """

    workers: dict[str, WorkerReport]
    spent_nanousd: int = 0
    open_letters: dict[WorkloadClass, int] = Field(default_factory=dict)
    resets: dict[WorkloadClass, Reset] = Field(default_factory=dict)
