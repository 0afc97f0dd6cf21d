"""The waiting lines of all budgets of one worker."""

from collections.abc import Callable, Iterable, Iterator

from agents.budget.allocation import Allocation
from agents.budget.budget import Budget
from agents.budget.leases import Leases
from agents.budget.line import Line
from agents.budget.reporting import report
from schemas.lease import UNITS, Amounts, Rules, nothing
from schemas.observation import LimitChanged, Observer
from schemas.standing import WorkerReport
from schemas.workload import WorkloadClass


class Lines:
    """One line a budget; a model that no budget names gets its own when it is first asked for."""

    def __init__(
        self,
        allocation: Allocation,
        leases: Leases,
        observer: Observer,
        worker: str,
        clock: Callable[[], float],
    ) -> None:
        self._other, self._leases = allocation.other, leases
        self._observer, self._worker, self._clock = observer, worker, clock
        self._share = 1.0
        self._by_model: dict[str, Line] = {}
        for models, rules in allocation.budgets.items():
            self._add(models, rules)

    def __repr__(self) -> str:
        return f"Lines({self._by_model})"

    def __iter__(self) -> Iterator[Line]:
        return iter(dict.fromkeys(self._by_model.values()))

    @property
    def share(self) -> float:
        """The part of every limit that this store's workers may use."""
        return self._share

    @share.setter
    def share(self, share: float) -> None:
        self._share = share
        for line in self:
            line.budget.share = share

    def of(self, model: str) -> Line:
        """Return the line of a model's budget."""
        if model not in self._by_model:
            self._add((model,), self._other)
        return self._by_model[model]

    def allocation_of(self, model: str) -> tuple[Amounts, Amounts]:
        """Return a model's limits in a minute (0: none known) and what is left of its stock."""
        line = self._by_model.get(model)
        return (line.budget.limits, line.budget.stock) if line else (nothing(), nothing())

    def report(self, classes: Iterable[WorkloadClass]) -> WorkerReport:
        """Return what the other workers are told."""
        return report(self._worker, classes, [line.budget for line in self], self._clock())

    def stop(self) -> None:
        """Exchange nothing more with the pools."""
        for line in self:
            line.stop()

    def _add(self, models: tuple[str, ...], rules: Rules) -> None:
        budget = Budget(models, rules, self._worker)
        budget.share = self._share
        line = Line(budget, self._leases, self._clock, self._limit_changed)
        self._by_model |= dict.fromkeys(models, line)

    def _limit_changed(self, model: str, before: Amounts, now: Amounts) -> None:
        for unit, was, limit in zip(UNITS, before, now, strict=True):
            if was != limit:
                fact = LimitChanged(model=model, unit=unit, before=was, now=limit)
                self._observer.observe(fact)
