"""A `headrace worker` as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Self

import aiohttp

from streams.local.kafka import tether

HEADRACE_WORKER = ("-m", "streams", "worker")
# How often a fact is looked at, and for how long.
LOOK_S = 0.05
SEEN_S, GONE_S = 60.0, 60.0
LOG_TAIL = 3000


async def until(fact: Callable[[], bool], what: str) -> None:
    """Look again and again until the fact is there."""
    try:
        async with asyncio.timeout(SEEN_S):
            while not fact():  # noqa: ASYNC110 - a fact has no event
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AssertionError(f"not within {SEEN_S:.0f} s: {what}") from None


class WorkerProcess:
    """One `headrace worker`; ends with this process at the latest."""

    def __init__(
        self,
        config: Path,
        port: int,
        environment: Mapping[str, str],
        program: Sequence[str] = HEADRACE_WORKER,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._config, self._environment, self._program = config, environment, program
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"WorkerProcess({self._config.stem}, {self.url})"

    @property
    def log(self) -> str:
        """What it wrote, over all its starts."""
        file = self._config.with_suffix(".log")
        return file.read_text("utf-8", "replace") if file.exists() else ""

    async def start(self, *arguments: str) -> Self:
        """Start and wait until it is ready."""
        await self.launch(*arguments)
        await self.ready()
        return self

    async def launch(self, *arguments: str) -> None:
        """Start without waiting."""
        command = [*self._program, "--config", str(self._config), *arguments]
        with self._config.with_suffix(".log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                tether.__file__,
                str(os.getpid()),
                sys.executable,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._config.parent,
            )

    async def ready(self) -> None:
        """Wait for `/readyz`."""
        await self.until_page(lambda status, _: status == HTTPStatus.OK, "/readyz")

    async def until_page(self, fact: Callable[[int, str], bool], path: str) -> None:
        """Wait until status and text of a page are as they should be."""
        page = (0, "")
        try:
            async with asyncio.timeout(SEEN_S):
                while not fact(*(page := await self.get(path))):
                    assert self._running.returncode is None, f"ended:\n{self.log[-LOG_TAIL:]}"
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"{path} stays {page}\n{self.log[-LOG_TAIL:]}") from None

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of one of its pages; status 0 when it does not listen."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all label sets that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = (await self.get("/metrics"))[1].splitlines()
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == f"headrace_{name}"]
        return sum(float(x.rsplit(" ", 1)[1]) for x in found if all(w in x for w in wanted))

    async def until_metric(self, fact: Callable[[float], bool], name: str, **labels: str) -> None:
        """Wait until a metric is as it should be."""
        value = float("nan")
        try:
            async with asyncio.timeout(SEEN_S):
                while not fact(value := await self.metric(name, **labels)):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"{name} {labels} stays {value}") from None

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        if self._running.returncode is None:
            self._running.send_signal(number)
        return await self.gone()

    async def gone(self) -> int:
        """Wait until it ends by itself; return the exit status."""
        return await asyncio.wait_for(self._running.wait(), GONE_S)

    async def tidy(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self._process and self._process.returncode is None:
            await self.kill()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process, f"{self} was never started"
        return self._process
