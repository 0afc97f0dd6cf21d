"""Composition root: settings -> a worker. The only file that knows everything."""

import asyncio
import logging
import time
from collections.abc import Collection
from functools import partial
from uuid import uuid4

from agents.budget.shelter import Shelter
from agents.catalog import Catalog
from agents.claude.client import KEEPALIVE_S, Client
from agents.claude.errors import ClaudeError
from agents.claude.gateway import Gateway
from agents.pipeline import Pipeline
from agents.store.opening import Store, open_store
from schemas.lease import StoreAway
from schemas.observation import Observer
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.alerts import Alerts
from streams.allocation import allocation_of
from streams.assembly import VERSION, Assembly, group_of
from streams.claims import Claims
from streams.handler import Parts
from streams.heartbeat import PACE, Heartbeat, Pace
from streams.intake import Intake
from streams.isolation import Isolation
from streams.logbook import Logbook, Several
from streams.membership import require_group
from streams.metrics import Metrics
from streams.outbox import Outbox
from streams.preflight import (
    FIRST_CONNECTIONS,
    StartRefused,
    doubts,
    reach_api,
    tasks_of,
)
from streams.processor import Processor
from streams.source import identity_of
from streams.topics import TopicNames, cluster_id, require
from streams.vitals import Vitals
from streams.watchdog import Watchdog
from streams.web import Readiness, WebServer

log = logging.getLogger("headrace")

CHECK_API_S, CHECK_BROKER_S = 5.0, 5.0
START_S, LEAVE_S = 60.0, 5.0


class Worker:
    """The service: one processor for each class, one budget, one outbox, one web server."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        classes: Collection[WorkloadClass] = tuple(WorkloadClass),
        pace: Pace = PACE,
        *,
        reprocess: bool = False,
        store: Store | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._settings, self._names = settings, TopicNames(settings)
        self._classes = tuple(classes)
        self._name = uuid4().hex[:12]
        self._outbox = outbox or Outbox(settings.kafka)
        self._tasks_asked = tasks_of(catalog, classes)
        self._client = Client(
            max_connections=sum(settings.classes.of(w).max_in_flight for w in classes)
        )
        self._store = store or open_store(
            settings.store.url, settings.app.name, retention_s=settings.store.settled_retention_s
        )
        self._claims = Claims(self._name, self._store)
        self.metrics = Metrics(VERSION)
        told = Several(self.metrics, Logbook())
        self._alerts = Alerts(
            settings.app.name, self._names.alerts, settings.budget, self._outbox, told
        )
        observer = Several(told, self._alerts)
        self._share_budgets(observer, pace)
        timeouts_s = {w: settings.classes.of(w).timeout_s for w in WorkloadClass}
        pipeline = Pipeline(self._gateway, observer, timeouts_s)
        parts = Parts(
            pipeline=pipeline,
            claims=self._claims,
            isolation=Isolation(),
            observer=observer,
            reprocess=reprocess,
        )
        self._assembly = Assembly(
            settings=settings,
            catalog=catalog,
            outbox=self._outbox,
            parts=parts,
            allowed=self._gateway.in_flight_limit,
        )
        self.web = WebServer(settings.web, self.readiness, self.metrics.render)
        self._api_reached = self._broker_reached = False
        self._tasks: list[asyncio.Task[None]] = []
        # Faust and its threads wait for a broker that does not come; only the process can end.
        self.abandoned = False

    def __repr__(self) -> str:
        return f"Worker({self._settings.app.name}, {', '.join(self._classes)})"

    @property
    def processors(self) -> tuple[Processor, ...]:
        """One for each class and one for replays, once it has started."""
        return self._vitals.processors

    def _share_budgets(self, observer: Observer, pace: Pace) -> None:
        """Make what this worker has in common with the others."""
        self._shelter = Shelter(self._store, time.monotonic)
        self._gateway = Gateway(
            self._client,
            allocation_of(self._settings),
            observer,
            leases=self._shelter,
            worker=self._name,
        )
        for task in self._tasks_asked:
            self._gateway.lines.of(task.model or "")  # seen by the others before the first call
        self._vitals = Vitals(self._settings, self._classes, self._outbox, self._gateway)
        self._heartbeat = Heartbeat(
            self._name,
            self._classes,
            self._gateway,
            self._shelter,
            self._alerts,
            self._vitals,
            clock=time.monotonic,
            wall=time.time,
            pace=pace,
        )

    async def start(self) -> None:
        """Check store, broker, topics and key, then take records. Raises StartRefused."""
        for doubt in doubts(self._settings.budget, self._tasks_asked):
            log.warning("%s", doubt, extra={"event": "doubtful_limit"})
        await self._start_store()
        await self._check_topics()
        self._api_reached = await reach_api(self._client, self._tasks_asked)
        await self.web.start()
        await self._outbox.start()
        self._broker_reached = True
        for workload in self._classes:
            await self._outbox.watch(self._names.input(workload), self._names.result(workload))
        for line in self._gateway.lines:
            line.look()  # from now on it knows what the pool knows, also while it has no calls
        # The others learn of this worker before it takes partitions from them.
        await self._heartbeat.beat()
        # Faust binds to the running loop, so its apps are made here.
        identify = partial(identity_of, await cluster_id(self._settings))
        live = (self._assembly.live(workload, identify) for workload in self._classes)
        self._vitals.processors = (*live, self._assembly.replays(identify))
        self.metrics.watch(
            self.processors,
            lambda: self._heartbeat.standings,
            lambda: self._alerts.raised,
            self._gateway.outages,
            lambda: self._heartbeat.open_letters,
        )
        await self._start_intakes()
        watchdog = Watchdog(lambda: self._vitals.signs(self._heartbeat.members))
        watching = (
            watchdog.run(),
            self._watch_api(),
            self._watch_broker(),
            self._keep_warm(),
            self._heartbeat.run(),
            self._heartbeat.count(),
        )
        self._tasks = [asyncio.create_task(look) for look in watching]

    async def stop(self) -> int:
        """Drain for at most `[app] drain_s`, commit, leave; return how many were given up."""
        drain_s = self._settings.app.drain_s
        left = await asyncio.gather(*(p.runner.drain(drain_s) for p in self.processors))
        for task in self._tasks:
            task.cancel()
        gone = await asyncio.gather(*(self._leave(p.intake) for p in self.processors))
        self.abandoned = not all(gone)
        if self._is_known:
            await self._heartbeat.leave()
        await self._claims.stop()
        await self._alerts.stop()
        await self._outbox.stop()
        await self._client.stop()
        await self._leave_store()
        await self.web.stop()
        return sum(left)

    async def _start_store(self) -> None:
        try:
            await self._store.start()
        except StoreAway as problem:
            why = str(problem).rstrip(".")
            raise StartRefused(f"the store cannot be used: {why}; see [store] url") from problem

    @property
    def _is_known(self) -> bool:
        """Whether the others have heard of this worker."""
        return bool(self._shelter.group.workers)

    async def _leave_store(self) -> None:
        self._gateway.lines.stop()
        if self._is_known:
            try:
                await self._store.leave(self._name)
            except StoreAway as problem:
                log.warning("could not leave the store: %s", problem)
        await self._store.stop()

    async def _start_intakes(self) -> None:
        for processor in self.processors:  # all before any: a half-started one is hard to stop
            await require_group(self._settings.kafka, group_of(self._settings, processor.name))
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
        waiting += [f"partitions of {p.name}" for p in self.processors if not p.intake.joined]
        waiting += [f"the {w} processor" for w in self._classes if not self.processors]
        is_away = self._claims.is_away or self._heartbeat.degraded
        degraded = ("store",) if is_away else ()
        return Readiness(waiting_for=tuple(waiting), degraded=degraded)

    async def _check_topics(self) -> None:
        names = self._names
        wanted = [names.deltas, names.alerts, *map(names.input, self._classes)]
        for workload in WorkloadClass:  # replays of all classes are taken
            wanted += [names.result(workload), names.dead_letters(workload)]
            wanted += [names.replay(workload), names.parked(workload)]
        await require(self._settings, wanted)

    async def _watch_api(self) -> None:
        while not self._api_reached:
            await asyncio.sleep(CHECK_API_S)
            try:
                await self._client.models()
            except ClaudeError as problem:
                log.warning("the Claude API is not there yet: %s", problem)
            else:
                self._api_reached = True

    async def _watch_broker(self) -> None:
        while True:
            self._broker_reached = await self._outbox.reaches_broker()
            await asyncio.sleep(CHECK_BROKER_S)

    async def _keep_warm(self) -> None:
        """Use connections before they idle out, so that no event waits for a handshake."""
        while True:
            await asyncio.sleep(KEEPALIVE_S * 3 / 4)
            try:
                await self._client.warm(FIRST_CONNECTIONS)
            except TimeoutError:
                log.warning("the Claude API is slow to connect to", extra={"event": "api_slow"})
