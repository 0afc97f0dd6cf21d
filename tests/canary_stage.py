"""The canary's stage: an ill API, a crash, and then all is well; what came out is kept by place."""

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
import redis

from agents.simulator import Fault, FaultKind
from schemas.workload import WorkloadClass
from streams.connection import admin
from streams.topics import declared
from tests import canary
from tests.canary import KEY, PASSWORD, PERSONAL, SECRETS, TOKEN, Case, found
from tests.echoing_api import EchoingApi
from tests.harness import Rig
from tests.letter_box import records
from tests.outputs import Source, text
from tests.redis_server import RedisServer
from tests.worker_process import WorkerProcess

MODELS = {
    "interactive": "claude-sonnet-5-5",
    "transactional": "claude-sonnet-5",
    "batch": "claude-opus-5-5",
}
# As near as a neighbour: what an id is allowed to be seen in.
SHOWN_IDS = {**SECRETS, **PERSONAL}
REPLAYS = 2
WIPED_S = 30.0


@dataclass(slots=True)
class Told:
    """What came out, by place; and the end of each case."""

    ends: dict[str, str] = field(default_factory=dict)
    places: dict[str, bytes] = field(default_factory=dict)
    letters: list[bytes | None] = field(default_factory=list)
    echoed: set[str] = field(default_factory=set)
    modes: dict[str, int] = field(default_factory=dict)
    at_the_crash: bytes = b""
    screens: dict[str, str] = field(default_factory=dict)
    strange_topics: set[str] = field(default_factory=set)


class Stage:
    """A rig, an API that says back what it hears, and a store; told to two workers in turn."""

    def __init__(self, rig: Rig, api: EchoingApi, store: str) -> None:
        self.rig, self.api, self.told = rig, api, Told()
        self.sources: dict[str, Source] = {}
        self._environment = {
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": KEY,
            "HEADRACE_WEB__TOKEN": TOKEN,
            "HEADRACE_APP__TASKS": '["agents.workloads", "canary_tasks"]',
            "HEADRACE_APP__DRAIN_S": "5",
            **({"HEADRACE_STORE__URL": store} if store else {}),
            **{f"HEADRACE_CLASSES__{w.upper()}__MODEL": model for w, model in MODELS.items()},
        }

    def worker(self, log: str) -> WorkerProcess:
        return self.rig.worker(log, self._environment | {"HEADRACE_LOG__FORMAT": log})

    async def publish(self) -> None:
        key = PERSONAL["Kafka key"].encode()
        for case in canary.cases():
            [source] = await self.rig.publish(case.workload, case.value, key=key, partition=None)
            self.sources[case.name] = source

    def of(self, *cases: Case) -> list[Source]:
        return [self.sources[case.name] for case in cases]

    async def pages(self, worker: WorkerProcess, when: str) -> None:
        """Read what a worker shows of itself."""
        for page in ("metrics", "readyz", "healthz"):
            status, body = await fetched(f"{worker.url}/{page}")
            assert status == HTTPStatus.OK, (page, status, body)
            self.told.places[f"/{page} {when}"] = body

    async def command(self, *arguments: str) -> bytes:
        """Run a command as a person does; keep what it prints."""
        done = await self.rig.headrace(*arguments, environment=self._environment)
        assert done.status == 0, (arguments, done.err)
        said = (done.out + done.err).encode()
        name = " ".join(arguments)
        self.told.places[name] = self.told.places.get(name, b"") + said
        self.told.screens[name] = said.decode()
        return said

    async def look(self, *arguments: str) -> None:
        """Run a command that is there to show what an event says."""
        done = await self.rig.headrace(*arguments, environment=self._environment)
        assert done.status == 0, (arguments, done.err)
        assert found(done.out)
        self.told.screens[arguments[0]] = done.out + done.err

    async def commands(self) -> None:
        for line in ("dlq ls", "dlq stats", "dlq stats --json", "audit", "dlq replay"):
            await self.command(*line.split())
        topic = self.rig.names.input(WorkloadClass.REALTIME)
        await self.look("tail", topic, "--from-beginning", "--limit", "5")
        await self.look("dlq", "show", canary.ODD_ID)


async def fetched(url: str) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def play(stage: Stage, server: RedisServer | None) -> None:
    """Every end and failure: an ill API and a crash first, then all is well."""
    canary.write_tasks(stage.rig.folder)
    for kind in (FaultKind.MALFORMED_OUTPUT, FaultKind.SCHEMA_INVALID):
        stage.rig.simulator.script(Fault(kind, text=f"<{kind}>"))
    stage.rig.simulator.script(Fault(FaultKind.HANG, text="<hang>"))
    # Each style of log sees the storm once.
    styles = ("text", "json") if server else ("json", "text")
    first = await stage.worker(styles[0]).start()
    await stage.publish()
    await ill(stage, first, server)
    await first.kill()
    stage.told.at_the_crash = stored(stage, server)

    stage.api.is_well = True
    stage.rig.simulator.clear_faults()
    for kind in (FaultKind.MALFORMED_OUTPUT, FaultKind.SCHEMA_INVALID):
        stage.rig.simulator.script(Fault(kind, text=f"<{kind}>"))
    canary.table_away(stage.rig.folder).unlink()
    second = await stage.worker(styles[1]).start()
    await stage.rig.outputs.until_ended(stage.rig.published)
    if not server:
        await stage.commands()
        await replayed(stage)
    await wiped(stage, server)
    await stage.pages(second, "well")
    modes(stage, "running")
    assert await second.end() == 0
    stage.told.places["store"] = stored(stage, server)
    await read_topics(stage)
    stage.told.places |= {
        f"log, {styles[0]}": first.log.encode(),
        f"log, {styles[1]}": second.log.encode(),
    }


async def ill(stage: Stage, worker: WorkerProcess, server: RedisServer | None) -> None:
    """Wait until all that can end has its end, and all else waits."""
    ending = [case for case in canary.cases() if not case.waits]
    await stage.rig.outputs.until_ended(stage.of(*ending))
    async with asyncio.timeout(60):
        while not {"401", "500", "529", "event"} <= stage.api.echoed:  # noqa: ASYNC110 - another task's fact
            await asyncio.sleep(0.05)
    if server:
        server.freeze()
        await worker.until_page(lambda _, said: "degraded" in said, "/readyz")
        server.thaw()
        await worker.until_page(lambda _, said: "degraded" not in said, "/readyz")
    await stage.pages(worker, "ill")
    modes(stage, "ill")
    for line in ("config show", "config check", "budget", "breaker status"):
        await stage.command(*line.split())


async def replayed(stage: Stage) -> None:
    """Park letters: by hand, and because their second replay failed."""
    await stage.command("dlq", "resolve", "--disposition", "REFUSED", "--reason", "known")
    parked = stage.rig.names.parked(WorkloadClass.REALTIME)
    letters = stage.rig.names.dead_letters(WorkloadClass.REALTIME)
    again = ("dlq", "replay", "--disposition", "REQUEST_REJECTED", "--execute")
    for topic, count in ((letters, REPLAYS), (parked, REPLAYS)):
        before = len(await records(stage.rig, topic))
        await stage.command(*again)
        async with asyncio.timeout(60):
            while len(await records(stage.rig, topic)) < before + count:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)


def modes(stage: Stage, when: str) -> None:
    for file in stage.rig.folder.glob("headrace.db*"):
        stage.told.modes[f"{file.name} {when}"] = stat.S_IMODE(file.stat().st_mode)


async def wiped(stage: Stage, server: RedisServer | None) -> None:
    """Wait until a running worker's store holds nothing of what has its end."""
    async with asyncio.timeout(WIPED_S):
        while found(stored(stage, server)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


def stored(stage: Stage, server: RedisServer | None) -> bytes:
    """Read the store as somebody who got hold of it would."""
    if server:
        with redis.Redis(port=server.port, password=PASSWORD) as client:
            return repr(list(contents(client))).encode()
    return b"".join(file.read_bytes() for file in stage.rig.folder.glob("headrace.db*"))


def contents(client: Any) -> Any:  # noqa: ANN401 - redis is half typed
    """Return every key and what is under it."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
    }
    for key in client.scan_iter():
        yield key, read[client.type(key)](key)


async def read_topics(stage: Stage) -> None:
    """Keep the headers of all that was written, and alerts whole."""
    rig, names = stage.rig, stage.rig.names
    await rig.outputs.read_up()
    by_source: Mapping[Source, list[Any]] = rig.outputs.letters
    for case, source in stage.sources.items():
        letters = by_source.get(source, ())
        stage.told.ends[case] = text(letters[0], "dlq.disposition") if letters else ""
    stage.told.echoed = stage.api.echoed
    async with admin(rig.settings.kafka) as client:
        ours = {topic.name for topic in declared(rig.settings)}
        here = {name for name in await client.list_topics() if name.startswith(f"{rig.name}.")}
        stage.told.strange_topics = here - ours
    for kind in ("dead_letters", "parked", "replay", "result"):
        topics = [getattr(names, kind)(workload) for workload in WorkloadClass]
        seen = await records(rig, *topics)
        stage.told.places[f"headers of {kind}"] = repr([r.headers for r in seen]).encode()
        if kind == "dead_letters":
            stage.told.letters = [record.value for record in seen]
    alerts = await records(rig, names.alerts)
    stage.told.places["alerts"] = repr(alerts).encode()
