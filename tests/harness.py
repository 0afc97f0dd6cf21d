"""Topics, settings and a Claude simulator of one test, and the workers made from them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from agents.simulator import Simulator, SimulatorSettings
from schemas.alert import Alert
from schemas.settings import Settings, load
from schemas.workload import WorkloadClass
from streams import topics
from streams.topics import TopicNames
from tests.command import HEADRACE, Done, run
from tests.outputs import Join, Outputs, Source, identity_join
from tests.ports import own_ports
from tests.worker_process import HEADRACE_WORKER, WorkerProcess

PARTITIONS = 4
TOMBSTONE = b"\x00tombstone"
# Replies within a tenth of a second, and limits that are in nobody's way.
QUICK = SimulatorSettings(time_scale=0.1, tail=0.02)
PLENTY = """
[[budget.limits]]
models = ["claude-haiku-5-5"]
requests_per_minute = 4000
input_tokens_per_minute = 4000000
output_tokens_per_minute = 800000
"""


def at_most(in_flight: int) -> dict[str, str]:
    """Return the environment that bounds the records in flight of every class."""
    return {
        f"HEADRACE_CLASSES__{workload.upper()}__MAX_IN_FLIGHT": str(in_flight)
        for workload in WorkloadClass
    }


def event(number: int | str, text: str = "where is my parcel?", **more: object) -> bytes:
    """Return an event that every class takes."""
    return orjson.dumps({"id": f"evt-{number}", "text": f"{text} ({number})"} | more)


def clean_environment(**more: str) -> dict[str, str]:
    """Return ours without what would lead to a real account or to other settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "HEADRACE_"))}
    return kept | more


class Rig:
    """Topics, settings and a simulator for one test; workers are made from it."""

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        simulated: SimulatorSettings = QUICK,
        toml: str = PLENTY,
    ) -> None:
        self.folder = folder
        self.name = f"t{uuid4().hex[:8]}"
        self._bootstrap, self._toml = bootstrap, toml
        self.simulator = Simulator(simulated)
        self.settings = self._configured("reader", 0)
        self.names = TopicNames(self.settings)
        self.outputs = Outputs(self.settings)
        self.published: list[Source] = []
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            max_request_size=4 * 2**20,
            linger_ms=5,
            # aiokafka asserts that there is a key or a value; Kafka takes a record with neither.
            value_serializer=lambda value: None if value == TOMBSTONE else value,
        )
        self._exits = AsyncExitStack()

    def __repr__(self) -> str:
        return f"Rig({self.name}, {len(self.published)} published, {self.outputs})"

    async def __aenter__(self) -> Self:
        await self._exits.enter_async_context(self.simulator)
        await topics.create(self.settings)
        for part in (self._producer, self.outputs):
            self._exits.push_async_callback(part.stop)
            await part.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    @property
    def config(self) -> Path:
        """A settings file for commands."""
        return self.folder / "reader.toml"

    @property
    def environment(self) -> dict[str, str]:
        """What commands and workers are told about the API."""
        url = self.simulator.url
        return clean_environment(ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="sk-ant-simulated")

    def worker(
        self,
        name: str = "worker",
        environment: Mapping[str, str] | None = None,
        *,
        static: bool = False,
        program: Sequence[str] = HEADRACE_WORKER,
    ) -> WorkerProcess:
        """Make a worker. A static one is known to its group when it comes back."""
        port = own_ports(1)[0]
        self._configured(name, port, name if static else "")
        told = self.environment | dict(environment or {})
        made = WorkerProcess(self.folder / f"{name}.toml", port, told, program)
        self._exits.push_async_callback(made.tidy)
        return made

    async def headrace(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command with this rig's settings."""
        told = self.environment | {"HEADRACE_CONFIG": self.config.name} | dict(environment or {})
        return await run(HEADRACE, *arguments, folder=self.folder, environment=told, stdin=stdin)

    async def alerts(self, count: int) -> list[Alert]:
        """Return the first alerts, as `headrace tail` shows them; waits until they are there."""
        first = ("--from-beginning", "--limit", str(count), "--json")
        tailed = await self.headrace("tail", self.names.alerts, *first)
        rows = [orjson.loads(line)["value"] for line in tailed.out.splitlines()]
        return [Alert.model_validate_json(orjson.dumps(row)) for row in rows]

    async def publish(
        self,
        workload: WorkloadClass,
        *values: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> list[Source]:
        """Publish and wait for the broker; without a key they go round all partitions."""
        topic = self.names.input(workload)
        sent = [
            await self._producer.send(
                topic,
                TOMBSTONE if value is None else value,
                key=key,
                partition=number % PARTITIONS if partition is None else partition,
                headers=list(headers),
            )
            for number, value in enumerate(values)
        ]
        written = [await one for one in sent]
        sources = [(topic, one.partition, one.offset) for one in written]
        self.published += sources
        return sources

    def join(self) -> Join:
        """Join all inputs with all ends."""
        return identity_join(self.published, self.outputs)

    async def committed(self, workload: WorkloadClass) -> dict[int, int]:
        """Return what the group of a class has committed, by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(f"{self.name}.{workload}")
        finally:
            await admin.close()
        return {tp.partition: entry.offset for tp, entry in found.items() if entry.offset >= 0}

    async def committed_without_end(self, workload: WorkloadClass) -> list[Source]:
        """Return the records that a commit has passed and that nothing came of: always none."""
        committed, topic = await self.committed(workload), self.names.input(workload)
        await self.outputs.read_up()
        mine = [source for source in self.published if source[0] == topic]
        passed = [source for source in mine if source[2] < committed.get(source[1], 0)]
        return [source for source in passed if source not in self.outputs.ended]

    def _configured(self, name: str, port: int, instance: str = "") -> Settings:
        file = self.folder / f"{name}.toml"
        file.write_text(
            f'[app]\nname = "{self.name}"\n'
            f'[kafka]\nbootstrap_servers = "{self._bootstrap}"\npartitions = {PARTITIONS}\n'
            f'group_instance_id = "{instance}"\n[topics]\nprefix = "{self.name}."\n'
            f"[web]\nport = {port or 8321}\n{self._toml}",
            encoding="utf-8",
        )
        return load(file)
