"""A whole headrace on this machine: Kafka, the Claude simulator, a worker."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Self

import aiohttp

from agents.simulator import Simulator, SimulatorSettings
from schemas.problem import Problem
from schemas.settings import Settings, load
from streams import topics
from streams.local.kafka import LocalKafka, tether
from streams.local.kafka.ports import free_ports

READY_S, STOP_S = 60.0, 35.0


class StackFailed(Problem):
    """A part of the local stack did not come up."""


class Stack:
    """Starts the parts in order and ends them in reverse; nothing outlives this process."""

    def __init__(
        self,
        folder: Path,
        simulated: SimulatorSettings,
        *,
        extra_toml: str = "",
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder, self._extra_toml, self._say = folder, extra_toml, on_progress
        self._kafka = LocalKafka(folder / "kafka", on_progress=on_progress)
        self.simulator = Simulator(simulated)
        self.web_port = free_ports(1, SystemRandom())[0]
        self._exits = AsyncExitStack()
        self._worker: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"Stack({self._folder})"

    @property
    def config(self) -> Path:
        """The settings file of this stack."""
        return self._folder / "headrace.toml"

    @property
    def web_url(self) -> str:
        """Where the worker's web server listens."""
        return f"http://127.0.0.1:{self.web_port}"

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
    def worker_pid(self) -> int:
        """Process id of the worker, for measurements."""
        return self._worker.pid if self._worker else 0

    def settings(self) -> Settings:
        """Return the settings of this stack."""
        return load(self.config)

    async def _start(self) -> None:
        self._say("starting Kafka")
        # The main thread starts it: the kernel ends it together with the thread that did.
        self._exits.callback(self._kafka.stop)
        self._kafka.start()
        self._say("starting the Claude simulator")
        await self._exits.enter_async_context(self.simulator)
        self.config.write_text(
            f'[kafka]\nbootstrap_servers = "{self._kafka.bootstrap}"\npartitions = 4\n'
            f"[web]\nport = {self.web_port}\n{self._extra_toml}",
            encoding="utf-8",
        )
        self._say("creating topics")
        await topics.create(self.settings())
        self._say("starting the worker")
        self._exits.push_async_callback(self._stop_worker)
        await self._start_worker()

    async def _start_worker(self) -> None:
        command = [sys.executable, "-m", "streams", "worker", "--config", str(self.config)]
        with (self._folder / "worker.log").open("ab") as log:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                tether.__file__,
                str(os.getpid()),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for us: we stop it in our own order
            )
        await self._ready()

    def _environment(self) -> dict[str, str]:
        """Return ours without what would lead to a real account or another configuration."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC_", "HEADRACE_"))
        }
        return kept | {
            "ANTHROPIC_BASE_URL": self.simulator.url,
            "ANTHROPIC_API_KEY": "sk-ant-simulated",
        }

    async def _ready(self) -> None:
        try:
            await self._answers()
        except TimeoutError:
            raise StackFailed(f"the worker is not ready after {READY_S:.0f} s") from None

    async def _answers(self) -> None:
        assert self._worker is not None  # noqa: S101 - for the type checker
        async with asyncio.timeout(READY_S), aiohttp.ClientSession() as session:
            while self._worker.returncode is None:
                try:
                    async with session.get(f"{self.web_url}/readyz") as answer:
                        if answer.ok:
                            return
                except aiohttp.ClientError:
                    pass  # it does not listen yet
                await asyncio.sleep(0.05)
        raise self._dead()

    async def worker_ends(self) -> None:
        """Wait until the worker ends before its time, and raise StackFailed."""
        if self._worker:
            await self._worker.wait()
            raise self._dead()

    def _dead(self) -> StackFailed:
        log = (self._folder / "worker.log").read_text("utf-8", "replace")
        return StackFailed(f"the worker ended before its time: {log.strip()[-500:]}")

    async def _stop_worker(self) -> None:
        worker = self._worker
        if worker is None or worker.returncode is not None:
            return
        worker.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(worker.wait(), STOP_S)
        except TimeoutError:
            worker.kill()
            await worker.wait()
