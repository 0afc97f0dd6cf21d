"""Stand-ins for what surrounds a runner: a pipeline with a script, a broker in memory."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from agents.pipeline import Listener, Pipeline, Work
from agents.task import Task
from schemas.observation import Observation
from schemas.outcome import Outcome, Progress
from schemas.sections import Kafka, RealtimeSettings
from schemas.workload import WorkloadClass
from streams.logbook import Several
from streams.metrics import Metrics
from streams.outbox import Outbox, TooLargeForKafka
from streams.reader import Reader
from streams.record import Message, Record
from streams.runner import Runner
from streams.settlement import Settlement
from tests.fakes import ManualClock, Recorder, ScriptedCalls
from tests.stream_builders import INPUT, WRITTEN_AT, address, catalog, completed, event, record


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


class MemoryOutbox(Outbox):
    """A broker in memory that refuses messages by size and keeps the others by topic.

    While it is not `open`, publishing waits; while it is `broken`, it raises that.
    """

    def __init__(
        self, limits: Mapping[str, int] | None = None, partitions: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(Kafka())
        self._limits, self._partitions = limits or {}, partitions or {}
        self.topics: dict[str, list[Message]] = defaultdict(list)
        self.broken: Exception | None = None
        self.refused = self.waiting = 0
        self.published, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()

    def partitions(self, topic: str) -> int:
        return self._partitions.get(topic, 0)

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
    """The realtime class from record to published end, with a broker in memory."""

    def __init__(self, pipeline: ScriptedPipeline, *tasks: Task, **settings: int) -> None:
        self.pipeline, self.outbox = pipeline, MemoryOutbox()
        self.clock, self.wall = ManualClock(), ManualClock(WRITTEN_AT)
        self.seen, self.metrics = Recorder(), Metrics("0.1.0")
        observer = Several(self.metrics, self.seen)
        own, workload = RealtimeSettings.model_validate(settings), WorkloadClass.REALTIME
        settlement = Settlement(address(), self.outbox, observer, clock=self.clock, wall=self.wall)
        self.runner = Runner(
            workload,
            own,
            Reader(workload, own, catalog(*tasks), 1_000_000, self.wall),
            pipeline,
            settlement,
            observer,
            clock=self.clock,
            wall=self.wall,
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
        received = self.metrics.open_records(WorkloadClass.REALTIME)
        return received - self.runner.in_flight - held

    def results(self) -> list[Message]:
        return self.outbox.topics[address().results]

    def letters(self) -> list[Message]:
        return self.outbox.topics[address().letters]

    def counted(self, kind: type[Observation]) -> int:
        return len(self.seen.of(kind))
