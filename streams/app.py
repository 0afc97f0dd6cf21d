"""Composition root: settings -> a worker. The only file that knows everything."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from agents.catalog import Catalog
from agents.claude.budget import Budget
from agents.claude.client import Client
from agents.claude.errors import ClaudeError
from agents.claude.gateway import Gateway
from agents.pipeline import Pipeline
from schemas.observation import Observer
from schemas.problem import Problem
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.intake import Intake
from streams.logbook import Logbook, Several
from streams.metrics import Level, Metrics, Use
from streams.outbox import Outbox
from streams.reader import Reader
from streams.runner import Runner
from streams.settlement import Address, Settlement
from streams.topics import TopicNames, require
from streams.watchdog import Sign, Watchdog
from streams.web import Readiness, WebServer

log = logging.getLogger("headrace")

VERSION = version("headrace")
REFUSED = (401, 403)
CHECK_API_S, CHECK_BROKER_S = 5.0, 5.0
START_S, LEAVE_S = 60.0, 5.0


class StartRefused(Problem):
    """The worker cannot start; the message names what to change."""


@dataclass(frozen=True, slots=True)
class Processor:
    """The intake and the runner of one class."""

    intake: Intake
    runner: Runner

    @property
    def workload(self) -> WorkloadClass:
        """Its class."""
        return self.runner.workload

    @property
    def in_flight(self) -> int:
        """Records being worked on."""
        return self.runner.in_flight

    @property
    def held(self) -> Mapping[str, int]:
        """Records that wait, by reason."""
        return self.runner.held

    @property
    def uncommitted(self) -> int:
        """Records that the watermark has not passed."""
        return self.runner.uncommitted

    @property
    def oldest_uncommitted_age_s(self) -> float:
        """Age of the oldest of them."""
        return self.runner.oldest_uncommitted_age_s

    @property
    def lag(self) -> int:
        """Records that wait in Kafka."""
        return self.intake.lag

    @property
    def sign(self) -> Sign:
        """What the watchdog looks at."""
        runner = self.runner
        return Sign(
            name=self.workload,
            trouble=runner.trouble or self.intake.trouble,
            rebalancing=self.intake.rebalancing,
            forgotten=runner.forgotten,
        )


class Worker:
    """The service: one processor for each class, one budget, one outbox, one web server."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        classes: Collection[WorkloadClass] = tuple(WorkloadClass),
    ) -> None:
        self._settings, self._names = settings, TopicNames(settings)
        self._classes = tuple(classes)
        self._outbox = Outbox(settings.kafka)
        self._client = Client(
            max_connections=sum(settings.classes.of(w).max_in_flight for w in classes)
        )
        self.metrics = Metrics(VERSION)
        observer = Several(self.metrics, Logbook())
        self._gateway = Gateway(self._client, settings.budget.ceilings, observer)
        timeouts_s = {w: settings.classes.of(w).timeout_s for w in WorkloadClass}
        pipeline = Pipeline(self._gateway, observer, timeouts_s)
        self._build = partial(self._processor, catalog, pipeline, observer)
        self.processors: tuple[Processor, ...] = ()
        self.web = WebServer(settings.web, self.readiness, self.metrics.render)
        self._api_reached = self._broker_reached = False
        self._tasks: list[asyncio.Task[None]] = []
        # Faust and its threads wait for a broker that does not come; only the process can end.
        self.abandoned = False

    def __repr__(self) -> str:
        return f"Worker({self._settings.app.name}, {', '.join(self._classes)})"

    async def start(self) -> None:
        """Check broker, topics and key, then take records. Raises StartRefused."""
        await self._check_topics()
        await self._check_key()
        await self.web.start()
        await self._outbox.start()
        self._broker_reached = True
        for workload in self._classes:
            await self._outbox.watch(self._names.input(workload), self._names.result(workload))
        # Faust binds to the running loop, so its apps are made here.
        self.processors = tuple(self._build(workload) for workload in self._classes)
        self.metrics.watch(self.processors, self._uses)
        await self._start_intakes()
        watchdog = Watchdog(lambda: [p.sign for p in self.processors])
        watching = (watchdog.run(), self._watch_api(), self._watch_broker())
        self._tasks = [asyncio.create_task(look) for look in watching]

    async def stop(self) -> int:
        """Drain for at most `[app] drain_s`, commit, leave; return how many were given up."""
        for task in self._tasks:
            task.cancel()
        drain_s = self._settings.app.drain_s
        left = await asyncio.gather(*(p.runner.drain(drain_s) for p in self.processors))
        gone = await asyncio.gather(*(self._leave(p.intake) for p in self.processors))
        self.abandoned = not all(gone)
        await self._outbox.stop()
        await self._client.stop()
        await self.web.stop()
        return sum(left)

    async def _start_intakes(self) -> None:
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(p.intake.start() for p in self.processors))
        except Exception as problem:
            servers = self._settings.kafka.bootstrap_servers
            raise StartRefused(
                f"cannot read from Kafka at {servers}: {type(problem).__name__}; check that the "
                "broker runs and that the groups may be joined"
            ) from problem

    async def _leave(self, intake: Intake) -> bool:
        """Let an intake commit and leave its group; whether it could."""
        leaving = asyncio.create_task(self._commit_and_stop(intake))
        await asyncio.wait({leaving}, timeout=LEAVE_S)
        if leaving.done() and not leaving.cancelled() and leaving.exception() is None:
            return leaving.result()
        log.warning("%r did not leave its group in time", intake, extra={"event": "leave_timeout"})
        return False

    async def _commit_and_stop(self, intake: Intake) -> bool:
        """Do nothing without a broker: nobody could be told."""
        if not await self._outbox.reaches_broker():
            return False
        await intake.commit_now()
        await intake.stop()
        return True

    def readiness(self) -> Readiness:
        """Tell the truth for `/readyz`."""
        waiting = [] if self._api_reached else ["the Claude API"]
        waiting += [] if self._broker_reached else ["a Kafka broker"]
        waiting += [f"partitions of {p.workload}" for p in self.processors if not p.intake.joined]
        waiting += [f"the {w} processor" for w in self._classes if not self.processors]
        return Readiness(waiting_for=tuple(waiting))

    def _processor(
        self, catalog: Catalog, pipeline: Pipeline, observer: Observer, workload: WorkloadClass
    ) -> Processor:
        settings, names = self._settings, self._names
        own = settings.classes.of(workload)
        group = f"{settings.app.name}.{workload}"
        address = Address(
            app=settings.app.name,
            version=VERSION,
            group=group,
            workload=workload,
            results=names.result(workload),
            letters=names.dead_letters(workload),
            deltas=names.deltas,
        )
        reader = Reader(workload, own, catalog, settings.app.max_event_bytes)
        settlement = Settlement(address, self._outbox, observer)
        runner = Runner(workload, own, reader, pipeline, settlement, observer)
        intake = Intake(
            group,
            names.input(workload),
            settings.kafka,
            runner.offsets,
            runner.deliver,
            forget=runner.forget,
        )
        return Processor(intake, runner)

    async def _check_topics(self) -> None:
        names = self._names
        wanted = [names.deltas]
        for workload in self._classes:
            wanted += [names.input(workload), names.result(workload), names.dead_letters(workload)]
        await require(self._settings, wanted)

    async def _check_key(self) -> None:
        try:
            await self._client.check()
        except ClaudeError as problem:
            if problem.status in REFUSED or problem.error_type == "no_key":
                raise StartRefused(
                    f"the Claude API refuses the key ({problem}): set ANTHROPIC_API_KEY"
                ) from problem
            log.warning(
                "the Claude API is not there yet: %s", problem, extra={"event": "api_unreachable"}
            )
        else:
            self._api_reached = True

    async def _watch_api(self) -> None:
        while not self._api_reached:
            await asyncio.sleep(CHECK_API_S)
            try:
                await self._client.check()
            except ClaudeError as problem:
                log.warning("the Claude API is not there yet: %s", problem)
            else:
                self._api_reached = True

    async def _watch_broker(self) -> None:
        while True:
            self._broker_reached = await self._outbox.reaches_broker()
            await asyncio.sleep(CHECK_BROKER_S)

    def _uses(self) -> Mapping[str, Use]:
        now = time.monotonic()
        return {model: _use(budget, now) for model, budget in self._gateway.budgets.items()}


def _use(budget: Budget, now: float) -> Use:
    for bucket in budget.buckets.values():
        bucket.refill(now)
    levels = (
        Level(
            unit=unit,
            limit=bucket.limit,
            available=max(0.0, bucket.level),
            used_last_minute=bucket.used_last_minute(now),
        )
        for unit, bucket in budget.buckets.items()
    )
    return Use(closed=budget.is_closed(now), levels=tuple(levels))
