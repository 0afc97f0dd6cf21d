"""What a worker shows of itself to the others, to its watchdog, and to a person who resets it."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping

from agents.alarms.conditions import OUTAGE_S
from agents.claude.gateway import Gateway
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.assembly import group_of
from streams.handler import Handler
from streams.heartbeat import Ailments
from streams.members import members
from streams.outbox import Outbox
from streams.processor import Processor
from streams.watchdog import Sign

log = logging.getLogger("headrace")


class Vitals:
    """The state of one worker. `processors` are there once it has started."""

    def __init__(
        self,
        settings: Settings,
        classes: Collection[WorkloadClass],
        outbox: Outbox,
        gateway: Gateway,
    ) -> None:
        self.processors: tuple[Processor, ...] = ()
        self._settings, self._classes = settings, tuple(classes)
        self._outbox, self._gateway = outbox, gateway

    def __repr__(self) -> str:
        return f"Vitals({', '.join(processor.name for processor in self.processors)})"

    async def members(self) -> Mapping[WorkloadClass, int]:
        """Count the members of the Kafka groups."""
        groups = {w: group_of(self._settings, w) for w in self._classes}
        counts = await members(self._settings, list(groups.values()))
        return {w: counts.get(group, 0) for w, group in groups.items()}

    def ailments(self) -> Ailments:
        """Return what holds records up."""
        floods: Counter[WorkloadClass] = Counter()
        for handler in self._handlers:
            if handler.gate.is_open:
                floods[handler.workload] += handler.gate.held
        return Ailments(
            floods=floods,
            outages=self._gateway.outages(OUTAGE_S),
            refusals=self._outbox.troubles,
        )

    def reset(self, workload: WorkloadClass, *, accept: bool) -> None:
        """Close the flood breakers of a class; `accept` buries what they held."""
        log.warning("the flood breaker of %s is reset", workload, extra={"event": "breaker_reset"})
        for handler in self._handlers:
            if handler.workload is workload:
                handler.gate.reset(accept=accept)

    def signs(self, counted: Mapping[WorkloadClass, int]) -> list[Sign]:
        """Return what the watchdog looks at; `counted` are the members of the Kafka groups."""
        by_name = {workload.value: count for workload, count in counted.items()}
        return [
            processor.sign(self._timeout_s(processor), by_name.get(processor.name, 0))
            for processor in self.processors
        ]

    def _timeout_s(self, processor: Processor) -> float:
        classes = {handler.workload for handler in processor.runner.handlers.values()}
        return max(self._settings.classes.of(workload).timeout_s for workload in classes)

    @property
    def _handlers(self) -> tuple[Handler, ...]:
        return tuple(h for p in self.processors for h in p.runner.handlers.values())
