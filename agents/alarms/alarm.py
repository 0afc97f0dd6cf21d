"""When people are told, and when it is over. Pure: time is an argument, seconds since the epoch."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid5

from agents.alarms.advice import calmed, crossed, parts
from agents.alarms.conditions import Condition
from schemas.alert import Alert, AlertKind
from schemas.lease import UNITS, Unit, nothing
from schemas.observation import LimitChanged
from schemas.standing import Standing

# Name space of alert ids: any fixed UUID; this one is of our own making.
NAMESPACE = UUID("4b1f2f0c-93a6-5d0e-8b57-6a2c1d9e7f30")
# So far below the threshold counts as calm: use that swings about the line rings once.
BAND = 0.05
HANDED_OVER = "another worker tells about this from now on, if it lasts"
# A refused key is tried every minute, and for the length of that call the budget is open.
LINGER_S = 30.0


@dataclass(slots=True, kw_only=True)
class Latch:
    """A switch that moves when its cause has lasted without a break."""

    on: bool = False
    raised_at: float = 0.0
    _since: float | None = None

    @property
    def state(self) -> Literal["raised", "cleared"]:
        """The word for alerts."""
        return "raised" if self.on else "cleared"

    def turn(self, wanted: bool | None, now: float, hold_s: float) -> bool:  # noqa: FBT001 - the value itself
        """Return whether it moved. None: nothing speaks for either side, which is a break."""
        if wanted is None or wanted is self.on:
            self._since = None
            return False
        self._since = now if self._since is None else min(self._since, now)  # clocks are set back
        if now - self._since < hold_s:
            return False
        self.on, self._since = wanted, None
        if wanted:
            self.raised_at = now
        return True


class UseAlarm:
    """Rings when a limit is used above `alert_at` for `hold_s`; one for all budgets and units."""

    def __init__(self, app: str, alert_at: float, hold_s: float) -> None:
        self._app, self._alert_at, self._hold_s = app, alert_at, hold_s
        # A small threshold still needs something below it.
        self._calm = max(alert_at - BAND, alert_at / 2)
        self._latches: dict[tuple[str, Unit], Latch] = {}
        self._seen: dict[str, Standing] = {}

    def __repr__(self) -> str:
        return f"UseAlarm({self._alert_at:.0%} for {self._hold_s:.0f} s, {self.raised} raised)"

    @property
    def raised(self) -> int:
        """How many are raised now."""
        return sum(latch.on for latch in self._latches.values())

    def look(self, standings: Iterable[Standing], now: float) -> tuple[Alert, ...]:
        """Return what was raised or cleared; a budget that nobody reports any more is idle."""
        gone = {name: _idle(row) for name, row in self._seen.items()}
        rows = gone | {row.budget: row for row in standings}
        moved = [
            (row, unit) for row in rows.values() for unit in UNITS if self._turned(row, unit, now)
        ]
        alerts = tuple(self._alert(row, unit, now) for row, unit in moved)
        self._latches = {key: latch for key, latch in self._latches.items() if key[0] in rows}
        ringing = {budget for (budget, _), latch in self._latches.items() if latch.on}
        self._seen = {name: row for name, row in rows.items() if name in ringing}
        return alerts

    def release(self, now: float) -> tuple[Alert, ...]:
        """Clear what is raised and begin anew: it is another worker's turn to tell."""
        raised = [
            (self._seen[name], unit) for (name, unit), latch in self._latches.items() if latch.on
        ]
        for latch in self._latches.values():
            latch.on = False
        alerts = tuple(_handed_over(self._alert(row, unit, now)) for row, unit in raised)
        self._latches, self._seen = {}, {}
        return alerts

    def _turned(self, row: Standing, unit: Unit, now: float) -> bool:
        ratio = row.ratios[UNITS.index(unit)]
        wanted = True if ratio > self._alert_at else False if ratio <= self._calm else None
        latch = self._latches.setdefault((row.budget, unit), Latch())
        return latch.turn(wanted, now, self._hold_s)

    def _alert(self, row: Standing, unit: Unit, now: float) -> Alert:
        latch = self._latches[row.budget, unit]
        model = row.models[0] if row.models else row.budget
        return Alert(
            id=_id(self._app, "budget_use", row.budget, unit, latch.raised_at),
            kind="budget_use",
            state=latch.state,
            model=model,
            unit=unit,
            ratio=round(row.ratios[UNITS.index(unit)], 4),
            by_class=parts(row, unit),
            message=crossed(row, unit) if latch.on else calmed(row, unit),
            at=_moment(now),
        )


@dataclass(slots=True, kw_only=True)
class _Watch:
    condition: Condition
    latch: Latch = field(default_factory=Latch)


class Alarms:
    """Rings for everything that lasts: raised when it is there, cleared when it stays away."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._watches: dict[str, _Watch] = {}

    def __repr__(self) -> str:
        return f"Alarms({', '.join(self._watches) or 'quiet'})"

    @property
    def raised(self) -> Counter[AlertKind]:
        """How many are raised now, by kind."""
        return Counter(w.condition.kind for w in self._watches.values() if w.latch.on)

    def look(
        self,
        conditions: Mapping[str, Condition],
        now: float,
        *,
        kinds: frozenset[AlertKind] | None = None,
    ) -> tuple[Alert, ...]:
        """Return what was raised or cleared; `conditions` are all that hold now, by name.

        Only `kinds` can be judged now, the rest stays as it is; None: all can.
        """
        for name, condition in conditions.items():
            self._watches.setdefault(name, _Watch(condition=condition)).condition = condition
        seen = [n for n, w in self._watches.items() if kinds is None or w.condition.kind in kinds]
        moved = [name for name in seen if self._turned(name, name in conditions, now)]
        alerts = tuple(self._alert(name, now) for name in moved)
        self._watches = {name: w for name, w in self._watches.items() if w.latch.on}
        return alerts

    def release(self, now: float) -> tuple[Alert, ...]:
        """Clear what is raised and begin anew: it is another worker's turn to tell."""
        for watch in self._watches.values():
            watch.latch.on = False
        alerts = tuple(_handed_over(self._alert(name, now)) for name in self._watches)
        self._watches = {}
        return alerts

    def _turned(self, name: str, there: bool, now: float) -> bool:  # noqa: FBT001 - the fact itself
        return self._watches[name].latch.turn(there, now, 0.0 if there else LINGER_S)

    def _alert(self, name: str, now: float) -> Alert:
        condition, latch = self._watches[name].condition, self._watches[name].latch
        return Alert(
            id=_id(self._app, condition.kind, name, "", latch.raised_at),
            kind=condition.kind,
            state=latch.state,
            model=condition.model,
            message=condition.message if latch.on else condition.over,
            at=_moment(now),
        )


def announcement(app: str, fact: LimitChanged, now: float) -> tuple[Alert, Alert]:
    """Tell of a limit that the API changed. A change has no length: raised and cleared at once."""
    raised = Alert(
        id=_id(app, "limit_changed", fact.model, fact.unit, now),
        kind="limit_changed",
        state="raised",
        model=fact.model,
        unit=fact.unit,
        message=fact.message,
        at=_moment(now),
    )
    return raised, raised.model_copy(update={"state": "cleared"})


def _handed_over(alert: Alert) -> Alert:
    return alert.model_copy(update={"message": HANDED_OVER})


def _id(app: str, kind: AlertKind, name: str, unit: str, raised_at: float) -> str:
    """Return one id for the raised and the cleared alert of one time."""
    return str(uuid5(NAMESPACE, "/".join((app, kind, name, unit, f"{raised_at:.3f}"))))


def _moment(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def _idle(row: Standing) -> Standing:
    unused = {"used": nothing(), "used_by": {}, "waiting": {}, "workers": 0}
    return row.model_copy(update=unused)
