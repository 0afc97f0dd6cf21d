"""Stand-ins for what surrounds a runner: a pipeline with a script, a broker in memory."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from agents.claude.retry import GiveUp, Retry
from agents.pipeline import Listener, Pipeline, Work
from agents.task import Task
from schemas.observation import Observation, Observer
from schemas.outcome import Outcome, Progress
from schemas.request import Reply
from schemas.sections import Kafka, RealtimeSettings
from schemas.workload import WorkloadClass
from streams.claims import Claims
from streams.flood import FloodBreaker
from streams.floodgate import Floodgate
from streams.handler import Handler, Parts
from streams.isolation import Isolation
from streams.logbook import Several
from streams.metrics import Metrics
from streams.outbox import Outbox, TooLargeForKafka
from streams.reader import Reader
from streams.record import Message, Partition, Record
from streams.runner import Bounds, Runner
from streams.settlement import Settlement
from streams.source import identity_of
from tests.fakes import ManualClock, Recorder, ScriptedCalls, Steady
from tests.shaky_store import ShakyStore
from tests.stream_builders import (
    INPUT,
    REPLAYS,
    WRITTEN_AT,
    address,
    catalog,
    completed,
    event,
    record,
)


class ScriptedPipeline(Pipeline):
    """Ends events as the script says, else with a result. Keeps what it was asked.

    An event with a gate waits there: after its call has left, unless it is in `unsent`.
    """

    def __init__(self, script: Mapping[str, Iterable[Outcome]] | None = None) -> None:
        super().__init__(ScriptedCalls(), Recorder())
        self._script = {event: list(outcomes) for event, outcomes in (script or {}).items()}
        self.gates: dict[str, asyncio.Event] = {}
        self.unsent: set[str] = set()
        self.runs: list[str] = []
        self.progress: list[Progress | None] = []

    async def run(
        self, work: Work, progress: Progress | None = None, listener: Listener | None = None
    ) -> Outcome:
        event = work.event.id
        self.runs.append(event)
        self.progress.append(progress)
        if listener and event not in self.unsent:
            listener.sending()
        if gate := self.gates.get(event):
            await gate.wait()
        if listener:
            listener.text(0, event)
        outcomes = self._script.get(event)
        return outcomes.pop(0) if outcomes else completed()

    def hold_back(self, *events: str) -> None:
        """Let these events wait until `let_go`."""
        self.gates |= {event: asyncio.Event() for event in events}

    def let_go(self, event: str) -> None:
        self.gates[event].set()


class CallingPipeline(ScriptedPipeline):
    """The real steps over a gateway that answers as the script says.

    An event with a gate waits there before its first step.
    """

    def __init__(self, *script: Reply | Retry | GiveUp) -> None:
        super().__init__()
        self.calls = ScriptedCalls(*script)
        clock, wall = ManualClock(), ManualClock(WRITTEN_AT)
        self._steps = Pipeline(self.calls, Recorder(), random=Steady(0.5), clock=clock, wall=wall)

    async def run(
        self, work: Work, progress: Progress | None = None, listener: Listener | None = None
    ) -> Outcome:
        self.runs.append(work.event.id)
        self.progress.append(progress)
        if gate := self.gates.get(work.event.id):
            await gate.wait()
        return await self._steps.run(work, progress, listener)


class MemoryOutbox(Outbox):
    """A broker in memory that refuses messages by size and keeps the others by topic.

    While it is not `open`, publishing waits; while it is `broken`, it raises that. `away` are
    topics that are in trouble, and why.
    """

    def __init__(
        self, limits: Mapping[str, int] | None = None, partitions: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(Kafka())
        self._limits, self._partitions = dict(limits or {}), partitions or {}
        self.topics: dict[str, list[Message]] = defaultdict(list)
        self.broken: Exception | None = None
        self.away: dict[str, str] = {}
        self.refused = self.waiting = 0
        self.published, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()

    def partitions(self, topic: str) -> int:
        return self._partitions.get(topic, 0)

    def enlarge(self, topic: str, most_bytes: int) -> None:
        self._limits[topic] = most_bytes

    @property
    def troubles(self) -> Mapping[str, str]:
        return {**super().troubles, **self.away}

    async def publish(self, message: Message) -> tuple[int, int]:
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        if self.broken:
            raise self.broken
        if size_bytes(message) > self._limits.get(message.topic, 1_000_000):
            self.refused += 1
            raise TooLargeForKafka(f"{message.topic} refuses the record's size")
        self.topics[message.topic].append(message)
        self.published.set()
        return message.partition or 0, len(self.topics[message.topic]) - 1

    def post(self, message: Message) -> None:
        self.topics[message.topic].append(message)


def size_bytes(message: Message) -> int:
    """Bytes that count against the size limit of a topic."""
    headers = sum(len(name.encode()) + len(value) for name, value in message.headers)
    return headers + len(message.key or b"") + len(message.value or b"")


class MemoryProcessor:
    """The realtime class from record to published end, with a broker in memory.

    Give two of them one `store`, and they are two workers; one `isolation`, and they are two
    consumers of one process.
    """

    def __init__(
        self,
        pipeline: ScriptedPipeline,
        *tasks: Task,
        worker: str = "worker",
        store: ShakyStore | None = None,
        isolation: Isolation | None = None,
        reprocess: bool = False,
        outbox: MemoryOutbox | None = None,
        **settings: int,
    ) -> None:
        self.pipeline, self.outbox = pipeline, outbox or MemoryOutbox()
        isolation = isolation or Isolation()
        self.clock, self.wall = ManualClock(), ManualClock(WRITTEN_AT)
        self.seen, self.metrics = Recorder(), Metrics("0.1.0")
        observer = Several(self.metrics, self.seen)
        own, workload = RealtimeSettings.model_validate(settings), WorkloadClass.REALTIME
        self.stalled: Counter[Partition] = Counter()
        settlement = Settlement(
            address(),
            self.outbox,
            observer,
            clock=self.clock,
            wall=self.wall,
            stall=self._stall,
        )
        self.store = store or ShakyStore(self.clock, self.wall)
        self.claims = Claims(worker, self.store)
        self.flood = FloodBreaker(0.5, 10, 60)
        self.handler, self.replayer = (
            Handler(
                workload,
                Reader(workload, own, catalog(*tasks), 1_000_000, self.wall),
                settlement,
                Floodgate(flood, self.clock),
                Parts(
                    pipeline=pipeline,
                    claims=self.claims,
                    isolation=isolation,
                    observer=observer,
                    reprocess=reprocess,
                ),
                replays=replays,
                clock=self.clock,
                wall=self.wall,
            )
            for replays, flood in ((False, self.flood), (True, FloodBreaker(0.5, 10, 60)))
        )
        self.runner = self.made(
            Bounds(in_flight=own.max_in_flight, buffered_bytes=own.max_buffered_bytes), observer
        )

    def made(
        self, bounds: Bounds, observer: Observer, allowed: Callable[[], int] | None = None
    ) -> Runner:
        """Make its runner."""
        return Runner(
            "realtime",
            bounds,
            {INPUT: self.handler, REPLAYS: self.replayer},
            self.claims,
            partial(identity_of, "cluster"),
            observer,
            allowed=allowed,
            clock=self.clock,
        )

    async def feed(self, name: str, offset: int, **fields: object) -> Record:
        """Fetch an event and deliver it, as the intake does."""
        fetched = record(event(id=name, **fields), offset=offset)
        await self.redeliver(fetched)
        return fetched

    async def redeliver(self, fetched: Record) -> None:
        self.fetch(fetched)
        await self.runner.deliver(fetched)

    def fetch(self, fetched: Record) -> None:
        partition = (fetched.topic, fetched.partition)
        self.runner.offsets.fetched(partition, fetched.offset, self.clock())

    @contextmanager
    def _stall(self, partition: Partition) -> Iterator[None]:
        self.stalled[partition] += 1
        try:
            yield
        finally:
            self.stalled[partition] -= 1

    def revoke(self, partition: int = 3) -> None:
        """Take a partition away, as the intake does."""
        self.runner.offsets.revoked((INPUT, partition))
        self.runner.forget([(INPUT, partition)])

    @property
    def committed(self) -> int | None:
        return self.runner.offsets.watermark((INPUT, 3))

    @property
    def conservation_delta(self) -> int:
        """Records received that nothing accounts for."""
        held = sum(self.runner.held.values())
        received = self.metrics.open_records()
        return received - self.runner.in_flight - held

    def results(self) -> list[Message]:
        return self.outbox.topics[address().results]

    def letters(self) -> list[Message]:
        return self.outbox.topics[address().letters]

    def parked(self) -> list[Message]:
        return self.outbox.topics[address().parked]

    def counted(self, kind: type[Observation]) -> int:
        return len(self.seen.of(kind))
