"""This worker among the others: it shows that it lives, counts who else does, and raises alarms."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from agents.alarms import conditions
from agents.budget.shelter import Shelter
from agents.budget.standing import standings
from agents.claude.gateway import Gateway
from schemas.claim import Reset
from schemas.problem import Problem
from schemas.standing import Group, Standing, WorkerReport
from schemas.workload import WorkloadClass
from streams.alerts import Alerts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a worker shows that it lives, and counts the members of its Kafka groups.

    A killed worker stays in its Kafka group until its session ends; its heartbeat ends sooner. Only
    what lasts `strangers_s` speaks of workers that use another store.
    """

    beat_s: float = 2.0
    count_s: float = 15.0
    strangers_s: float = 90.0


PACE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailments:
    """What holds this worker's records up: the fields of the same names in its report."""

    floods: Mapping[WorkloadClass, int]
    outages: tuple[str, ...]
    refusals: Mapping[str, str]


class Own(Protocol):
    """What the heartbeat needs of its worker."""

    async def members(self) -> Mapping[WorkloadClass, int]:
        """Count the members of the Kafka groups."""
        ...

    def ailments(self) -> Ailments:
        """Return what holds records up."""
        ...

    def reset(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Close a flood breaker: a person has asked for it. `accept` buries what it held."""
        ...


class Heartbeat:
    """Tells the store every few seconds that this worker lives and what it uses."""

    def __init__(
        self,
        worker: str,
        classes: tuple[WorkloadClass, ...],
        gateway: Gateway,
        shelter: Shelter,
        alerts: Alerts,
        own: Own,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        pace: Pace = PACE,
    ) -> None:
        self._worker, self._classes = worker, classes
        self._gateway, self._shelter, self._alerts = gateway, shelter, alerts
        self._own, self._clock, self._wall = own, clock, wall
        self._pace = pace
        self._resets: Mapping[WorkloadClass, Reset] | None = None
        self.members: Mapping[WorkloadClass, int] = {}
        self._strangers_since: float | None = None

    def __repr__(self) -> str:
        return f"Heartbeat({self._worker}, {len(self._shelter.group.workers)} alive)"

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The budgets of all workers, as of the last beat; alone, this worker's own."""
        return standings(self._group)

    @property
    def open_letters(self) -> Mapping[WorkloadClass, int]:
        """Dead letters that nobody has dealt with, as of the last beat."""
        return self._shelter.group.open_letters

    @property
    def degraded(self) -> str:
        """Why the store is away; "" when it is there."""
        return self._shelter.away

    async def beat(self) -> None:
        """Do it once."""
        spending, group = self._gateway.spending, await self._tell()
        if self._shelter.away:
            # Nobody knows who leads: each worker tells of the store, and of nothing else. Who uses
            # another store still does.
            await self._alerts.look(None, conditions.away(self._shelter.away), leads=True)
            return
        strangers = self._strangers(group)
        self._gateway.lines.share = strangers[0] / strangers[1] if strangers else 1.0
        rows = standings(group)
        found = conditions.refused(rows) | conditions.spending(
            spending.spent_nanousd, spending.max_usd, self._wall()
        )
        found |= conditions.outages(group) | conditions.floods(group) | conditions.refusals(group)
        if strangers:
            found |= conditions.strangers(strangers[1], strangers[0])
        await self._alerts.look(rows, found, leads=self._worker == min(group.workers, default=""))

    async def run(self) -> None:
        """Do it until cancelled; nothing that goes wrong here stops the worker."""
        while True:
            await _survived(self.beat())
            await asyncio.sleep(self._pace.beat_s)

    async def leave(self) -> None:
        """Beat for the last time: tell what was spent since, and hand over what is raised."""
        await _survived(self._hand_over())

    async def count(self) -> None:
        """Count the members of the Kafka groups until cancelled."""
        while True:
            await asyncio.sleep(self._pace.count_s)
            try:
                self.members = await self._own.members()
            except Problem as problem:  # no broker: the last count stands until the next look
                log.debug("the members were not counted: %s", problem)
            except Exception:
                log.exception("the members were not counted", extra={"event": "count_failed"})

    async def _tell(self) -> Group:
        spending = self._gateway.spending
        group = await self._shelter.beat(self._report(), spending.take_unreported())
        spending.learn(group.spent_nanousd)
        if not self._shelter.away:
            self._obey(group.resets)
        return group

    def _report(self) -> WorkerReport:
        own, ailing = self._gateway.lines.report(self._classes), self._own.ailments()
        # Plain ones: nothing looks at an update, and `asdict` would count a Counter's pairs.
        told = {"floods": dict(ailing.floods), "refusals": dict(ailing.refusals)}
        return own.model_copy(update=told | {"outages": ailing.outages})

    def _obey(self, resets: Mapping[WorkloadClass, Reset]) -> None:
        """Close the breakers that were reset since the last beat; earlier ones are over."""
        before = resets if self._resets is None else self._resets
        self._resets = resets
        for workload, reset in resets.items():
            if (known := before.get(workload)) is None or known.number != reset.number:
                self._own.reset(workload, accept=reset.accept)

    async def _hand_over(self) -> None:
        await self._tell()
        await self._alerts.look(None, {}, leads=False)

    @property
    def _group(self) -> Group:
        group = self._shelter.group
        if not self._shelter.away and group.workers:
            return group
        return Group(workers={self._worker: self._report()}, spent_nanousd=group.spent_nanousd)

    def _strangers(self, group: Group) -> tuple[int, int] | None:
        """Return (heartbeats, members) of the class where Kafka knows more; None: nowhere."""
        alive = {w: sum(w in r.classes for r in group.workers.values()) for w in self._classes}
        more = [(alive[w], self.members.get(w, 0)) for w in self._classes]
        worst = max(more, key=lambda row: row[1] - row[0], default=(0, 0))
        if not worst[0] or worst[1] <= worst[0]:
            self._strangers_since = None
            return None
        self._strangers_since = self._strangers_since or self._clock()
        return worst if self._clock() - self._strangers_since >= self._pace.strangers_s else None


async def _survived(beat: Awaitable[None]) -> None:
    try:
        await beat
    except Exception:
        log.exception("a heartbeat failed", extra={"event": "heartbeat_failed"})
