"""Builds the processors of a worker: one for each class, and one for replays."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from agents.catalog import Catalog
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.flood import FloodBreaker
from streams.floodgate import Floodgate
from streams.handler import Handler, Parts
from streams.intake import Intake
from streams.outbox import Outbox
from streams.processor import Processor
from streams.reader import Reader
from streams.record import Record
from streams.runner import Bounds, Runner
from streams.settlement import Address, Settlement
from streams.stalls import Stalls
from streams.topics import TopicNames

VERSION = version("headrace")
REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What processors are made of. `allowed` is how many calls of a class the budget keeps busy."""

    settings: Settings
    catalog: Catalog
    outbox: Outbox
    parts: Parts
    allowed: Callable[[WorkloadClass], int]

    def live(self, workload: WorkloadClass, identify: Callable[[Record], str]) -> Processor:
        """Return the processor of a class."""
        own, topic = self.settings.classes.of(workload), self._names.input(workload)
        return self._processor(
            workload.value,
            {topic: workload},
            Bounds(in_flight=own.max_in_flight, buffered_bytes=own.max_buffered_bytes),
            identify,
            partial(self.allowed, workload),
        )

    def replays(self, identify: Callable[[Record], str]) -> Processor:
        """Return the processor of the letters that are sent again.

        It takes all classes, whatever the worker is for: members of one group read one set of
        topics.
        """
        lowest = self.settings.classes.batch
        bounds = Bounds(
            in_flight=self.settings.replay.max_in_flight,
            buffered_bytes=lowest.max_buffered_bytes,
        )
        topics = {self._names.replay(workload): workload for workload in WorkloadClass}
        return self._processor(REPLAY, topics, bounds, identify, None)

    @property
    def _names(self) -> TopicNames:
        return TopicNames(self.settings)

    def _processor(
        self,
        name: str,
        topics: Mapping[str, WorkloadClass],
        bounds: Bounds,
        identify: Callable[[Record], str],
        allowed: Callable[[], int] | None,
    ) -> Processor:
        group, stalls = group_of(self.settings, name), Stalls()
        runner = Runner(
            name,
            bounds,
            {
                topic: self._handler(workload, group, stalls, replays=name == REPLAY)
                for topic, workload in topics.items()
            },
            self.parts.claims,
            identify,
            self.parts.observer,
            allowed=allowed,
        )
        intake = Intake(
            group,
            topics,
            self.settings.kafka,
            runner.offsets,
            runner.deliver,
            forget=runner.forget,
        )
        stalls.attach(intake)
        return Processor(intake, runner)

    def _handler(
        self, workload: WorkloadClass, group: str, stalls: Stalls, *, replays: bool
    ) -> Handler:
        names, app = self._names, self.settings.app
        address = Address(
            app=app.name,
            version=VERSION,
            group=group,
            workload=workload,
            results=names.result(workload),
            letters=names.dead_letters(workload),
            parked=names.parked(workload),
            deltas=names.deltas,
        )
        own, flood = self.settings.classes.of(workload), self.settings.breaker
        breaker = FloodBreaker(flood.ratio, flood.min_records, flood.window_s)
        return Handler(
            workload,
            Reader(workload, own, self.catalog, app.max_event_bytes),
            Settlement(address, self.outbox, self.parts.observer, stall=stalls.of),
            Floodgate(breaker, time.monotonic),
            self.parts,
            replays=replays,
        )


def group_of(settings: Settings, name: str) -> str:
    """Return the consumer group of a class, or of replays."""
    return f"{settings.app.name}.{name}"
