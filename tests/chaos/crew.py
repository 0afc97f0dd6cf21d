"""The workers, as those who operate them see them: started, frozen, killed, started again."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.chaos.purchases import Moment
from tests.worker_process import HEADRACE_WORKER, WorkerProcess

LOOK_S = 0.05


class Member(WorkerProcess):
    """A worker that knows whether its end was asked for."""

    def __init__(
        self,
        config: Path,
        port: int,
        environment: Mapping[str, str],
        program: Sequence[str] = HEADRACE_WORKER,
    ) -> None:
        super().__init__(config, port, environment, program)
        self.name, self.config = config.stem, config
        self._asked = True

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def has_fallen(self) -> bool:
        """Whether it ended and nobody had asked for it."""
        return not self.runs and not self._asked

    @property
    def status(self) -> int | None:
        """How its last process ended."""
        return self._process.returncode if self._process else None

    async def launch(self, *arguments: str) -> None:
        """Start without waiting."""
        self._asked = False
        await super().launch(*arguments)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self._asked = True
        return await super().end(number)

    def send(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""
        self._running.send_signal(number)


class Crew:
    """All workers of an arena. `moments`: when calls in the air were lost."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        self.moments: list[Moment] = []
        self.deaths = 0

    def __repr__(self) -> str:
        return f"Crew({sum(m.runs for m in self.members)} of {len(self.members)} run)"

    async def start(self) -> None:
        """Start all, and wait until they are ready."""
        await asyncio.gather(*(member.start() for member in self.members))

    async def stop(self) -> None:
        """End all at once: nothing is left to be done."""
        await asyncio.gather(*(member.tidy() for member in self.members))

    async def kill(self, member: Member) -> None:
        """SIGKILL, and remember when."""
        self.lost_calls()
        await member.kill()

    def lost_calls(self, since_s: float = 0.0) -> None:
        """Remember that calls in the air are lost now, or were since some Unix time."""
        now = time.time()
        self.moments.append((since_s or now, now))

    @property
    def fallen(self) -> list[str]:
        """Names of those that ended by themselves."""
        return [f"{m.name} ({m.status})" for m in self.members if m.has_fallen]

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Start again whoever falls, as an orchestrator does."""
        watching = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._raise_fallen()

    async def _supervise(self) -> None:
        while True:
            await self._raise_fallen()
            await asyncio.sleep(LOOK_S)

    async def _raise_fallen(self) -> None:
        for member in self.members:
            if member.has_fallen:
                self.deaths += 1
                self.lost_calls()
                await member.launch()

    async def until_ready(self) -> None:
        """Wait until all that run are ready."""
        await asyncio.gather(*(member.ready() for member in self.members if member.runs))

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all that run."""
        total = 0.0
        for member in self.members:
            with suppress(OSError):
                total += await member.metric(name, **labels) if member.runs else 0.0
        return total
