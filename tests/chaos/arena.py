"""Brokers, Redis, the simulator, workers and a load: where faults strike."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.simulator import Simulator
from schemas.settings import Settings, load
from streams import topics
from streams.topics import TopicNames
from tests.chaos.books import Books
from tests.chaos.cast import SIMULATED, Cast
from tests.chaos.cluster import Cluster, Ground
from tests.chaos.crew import Crew, Member
from tests.chaos.load import Load
from tests.chaos.watermark import Watermark
from tests.command import HEADRACE, Done, run
from tests.harness import clean_environment
from tests.ports import own_ports
from tests.redis_server import RedisServer

PARTITIONS = 4
ROOT = Path(__file__).parents[2]
TASKS = '["agents.workloads", "tests.chaos.tasks"]'


class Arena:
    """One app with its topics, groups, store and workers on shared brokers."""

    def __init__(self, folder: Path, ground: Ground, cast: Cast) -> None:
        self.ground, self.cast, self.folder = ground, cast, folder
        self.name = f"c{uuid4().hex[:8]}"
        self.simulator = Simulator(SIMULATED)
        self.redis = RedisServer(folder, "--appendonly", "yes", "--appendfsync", "always")
        bootstrap = ground.kafka.bootstrap
        self.settings = self._configured("referee", f'bootstrap_servers = "{bootstrap}"\n', 8321)
        self.names = TopicNames(self.settings)
        self.load = Load(bootstrap, self.names, PARTITIONS, self.simulator)
        self.books = Books(bootstrap, self.names, PARTITIONS)
        self.watermark = Watermark(bootstrap, self.name, self.names, self.books)
        self.crew = Crew([])
        self._exits = AsyncExitStack()

    def __repr__(self) -> str:
        return f"Arena({self.name}, {self.crew}, {self.books})"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    @property
    def cluster(self) -> Cluster:
        """The brokers, where they may be struck."""
        assert isinstance(self.ground, Cluster)
        return self.ground

    @property
    def environment(self) -> dict[str, str]:
        """What commands and workers are told about the API and the settings."""
        return clean_environment(
            ANTHROPIC_BASE_URL=self.simulator.url,
            ANTHROPIC_API_KEY="sk-ant-simulated",
            HEADRACE_CONFIG=str(self.folder / "referee.toml"),
            PYTHONPATH=str(ROOT),
        )

    async def headrace(self, *arguments: str) -> Done:
        """Run a command with this arena's settings."""
        return await run(HEADRACE, *arguments, folder=self.folder, environment=self.environment)

    async def for_s(self, seconds: float) -> None:
        """Let a fault last."""
        await asyncio.sleep(seconds)

    async def until_settled(self, within_s: float) -> bool:
        """Wait until every input has an end; whether that came in time."""
        give_up = time.monotonic() + within_s
        while self.books.open():
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(0.2)
        return True

    async def _start(self) -> None:
        await self._exits.enter_async_context(self.simulator)
        self.redis.start()
        self._exits.callback(self.redis.kill)
        await topics.create(self.settings)
        self._exits.push_async_callback(self._remove_topics)
        self._exits.push_async_callback(self.books.stop)
        await self.books.start()
        self._exits.push_async_callback(self.load.close)
        await self.load.open()
        self.crew.members = [self._member(number) for number in range(1, self.cast.workers + 1)]
        self._exits.push_async_callback(self.crew.stop)
        await self.crew.start()

    async def _remove_topics(self) -> None:
        """Free the brokers of what nobody needs any more."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.ground.kafka.bootstrap)
        with suppress(KafkaError, OSError):
            await admin.start()
            await admin.delete_topics([t.name for t in topics.declared(self.settings)])
        await admin.close()

    def _member(self, number: int) -> Member:
        name = f"worker-{number}"
        port = own_ports(1)[0]
        instance = f'group_instance_id = "{name}"\n' if self.cast.static else ""
        self._configured(name, self.ground.worker_kafka + instance, port)
        config = self.folder / f"{name}.toml"
        told = self.environment | dict(self.cast.environment)
        return Member(config, port, told, self.cast.program)

    def _configured(self, name: str, kafka: str, port: int) -> Settings:
        file = self.folder / f"{name}.toml"
        replicas = self.ground.replicas
        file.write_text(
            f'[app]\nname = "{self.name}"\ntasks = {TASKS}\ndrain_s = {self.cast.drain_s}\n'
            f"[kafka]\npartitions = {PARTITIONS}\nreplication_factor = {replicas}\n{kafka}"
            f'[topics]\nprefix = "{self.name}."\n[store]\nurl = "{self.redis.url}"\n'
            f"[web]\nport = {port}\n{self.cast.toml}",
            encoding="utf-8",
        )
        return load(file)
