"""What `headrace budget` shows: a table for people, a JSON object a budget for programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Group as Rows
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agents.alarms.advice import parts
from agents.budget.spending import NANO
from agents.budget.standing import standings
from schemas.lease import UNITS, Unit, nothing
from schemas.sections import Budget, Limit
from schemas.standing import Group, Standing
from schemas.workload import WorkloadClass
from streams.cli.options import printable

_SHORT = {Unit.REQUESTS: "requests", Unit.INPUT_TOKENS: "input", Unit.OUTPUT_TOKENS: "output"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All budgets of a group, and the day's spending in dollars; `max_usd` 0: no maximum."""

    budgets: tuple[Standing, ...]
    workers: int
    spent_usd: float
    max_usd: float

    @classmethod
    def of(cls, group: Group, settings: Budget) -> "Overview":
        """Add configured budgets that no worker reports, without any use."""
        known = standings(group)
        named = {model for standing in known for model in standing.models}
        silent = (limit for limit in settings.ceilings if not named & set(limit.models))
        return cls(
            budgets=(*known, *(_unused(limit) for limit in silent)),
            workers=len(group.workers),
            spent_usd=group.spent_nanousd / NANO,
            max_usd=settings.max_usd_per_day,
        )

    def lines(self) -> Iterable[str]:
        """Return JSON, a line a budget. What is not known is null."""
        money = {"spent_usd_today": self.spent_usd, "max_usd_per_day": self.max_usd}
        for standing in self.budgets:
            names = ("models", "workers", "closed_s", "closed_for", "waiting", "in_flight")
            row = standing.model_dump(mode="json", include=set(names))
            units = {unit.value: _measured(standing, unit) for unit in UNITS}
            yield orjson.dumps(row | {"units": units} | money).decode()

    def table(self, notice: str = "") -> RenderableType:
        """Return what a terminal shows; `notice` is a line below it."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("budget", overflow="fold")
        table.add_column("unit", no_wrap=True)
        for name in ("limit/min", "used", "%", "available"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("by class", min_width=len("transactional:100%"))
        for standing in self.budgets:
            for unit in UNITS:
                table.add_row(*_cells(standing, unit))
        states = (_text(_state(standing)) for standing in self.budgets)
        most = f"of {self.max_usd:,.2f} USD" if self.max_usd else "USD, no maximum"
        money = f"workers: {self.workers}; spent today: {self.spent_usd:,.4f} {most}"
        return Rows(table, *states, _text(money), *([_text(notice)] if notice else []))


def _measured(standing: Standing, unit: Unit) -> dict[str, object]:
    position = UNITS.index(unit)
    limit = standing.limits[position] or None
    by_class = {name.value: used[position] for name, used in standing.used_by.items()}
    return {
        "limit": limit,
        "used": standing.used[position],
        "available": standing.available[position] if limit else None,
        "ratio": standing.ratios[position] if limit else None,
        "by_class": by_class,
    }


def _cells(standing: Standing, unit: Unit) -> Iterable[Text]:
    position = UNITS.index(unit)
    limit = standing.limits[position]
    used = f"{standing.used[position]:,.0f}"
    name = ", ".join(standing.models) if position == 0 else ""
    numbers = ("not known", used, "-", "-")
    if limit:
        ratio, stock = standing.ratios[position], standing.available[position]
        numbers = (f"{limit:,.0f}", used, f"{ratio:.0%}", f"{max(0.0, stock):,.0f}")
    # Without a space inside, a class and its part stay on one line of a narrow terminal.
    classes = " ".join(f"{name}:{part:.0%}" for name, part in parts(standing, unit).items() if part)
    return map(_text, (name, _SHORT[unit], *numbers, classes))


def _state(standing: Standing) -> str:
    gate = "open"
    if standing.closed_s > 0:
        why = standing.closed_for.replace("_", " ") or "not told"
        gate = f"closed for {standing.closed_s:,.0f} s: {why}"
    calls = f"{standing.in_flight:,} calls in flight, waiting: {_counted(standing.waiting)}"
    return f"{', '.join(standing.models)}: {gate}; {calls}"


def _counted(waiting: Mapping[WorkloadClass, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in waiting.items() if count) or "none"


def _unused(limit: Limit) -> Standing:
    ceilings = (
        limit.requests_per_minute,
        limit.input_tokens_per_minute,
        limit.output_tokens_per_minute,
    )
    limits = [float(ceiling or 0) for ceiling in ceilings]
    return Standing(
        budget="+".join(sorted(limit.models)),
        models=limit.models,
        workers=0,
        limits=limits,
        available=limits,
        used=nothing(),
        used_by={},
        waiting={},
        in_flight=0,
        closed_s=0.0,
        closed_for="",
    )


def _text(words: str) -> Text:
    """Return words as they are: what looks like markup is none."""
    return Text(printable(words))
