"""Whatever happens to a runner, every received record is accounted for after every step."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.observation import Received, Released, Repeated, Settled
from tests.fakes import until
from tests.stream_builders import completed, event, failed, held, record
from tests.stream_fakes import MemoryProcessor, ScriptedPipeline

NAMES = [f"evt-{number}" for number in range(12)]
NOW, NEVER = 1000.0, 1000.0 + 3600
OUTCOMES = st.lists(
    st.sampled_from([completed(), failed(), held(NOW), held(NEVER)]), min_size=1, max_size=3
).map(lambda outcomes: [*outcomes, completed()])
# Events by place: deliver, fetch again, let go, take the partition away, let the broker be away.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["feed", "feed", "feed", "go", "go", "revoke", "away", "back"]),
        st.integers(0, len(NAMES) - 1),
    ),
    max_size=40,
)


class Life:
    """A small processor that checks its books after every turn of the loop."""

    def __init__(self, outcomes: list[list[object]], *, sent: bool) -> None:
        self.pipeline = ScriptedPipeline(dict(zip(NAMES, outcomes, strict=True)))  # type: ignore[arg-type] # all are outcomes
        self.pipeline.hold_back(*NAMES)
        self.pipeline.unsent |= set() if sent else set(NAMES)
        self.processor = MemoryProcessor(self.pipeline, max_in_flight=2)
        self.delivering: asyncio.Task[None] | None = None

    async def step(self, action: str, number: int) -> None:
        if action == "feed" and not self._delivers:
            fetched = record(event(id=NAMES[number]), offset=number)
            self.delivering = asyncio.create_task(self.processor.redeliver(fetched))
        elif action == "go":
            self.pipeline.let_go(NAMES[number])
        elif action == "revoke":
            self.processor.revoke()
        elif action == "away":
            self.processor.outbox.open.clear()
        elif action == "back":
            self.processor.outbox.open.set()
        for _ in range(4):
            await asyncio.sleep(0)
            assert self.processor.conservation_delta == 0

    async def finish(self) -> None:
        await self.processor.runner.drain(0)
        if self.delivering:
            self.delivering.cancel()  # as the intake does when it stops
            await asyncio.wait([self.delivering], timeout=5)
        await until(lambda: not self.processor.runner.in_flight + len(self.processor.runner.held))
        assert self.processor.conservation_delta == 0
        ends = sum(map(self.processor.counted, (Settled, Released, Repeated)))
        assert self.processor.counted(Received) == ends
        published = len(self.processor.results()) + len(self.processor.letters())
        assert self.processor.counted(Settled) == published
        assert not self.processor.runner.trouble

    @property
    def _delivers(self) -> bool:
        return self.delivering is not None and not self.delivering.done()


@settings(deadline=None)
@given(
    steps=STEPS,
    outcomes=st.lists(OUTCOMES, min_size=len(NAMES), max_size=len(NAMES)),
    sent=st.booleans(),
)
async def test_every_record_is_accounted_for(
    steps: list[tuple[str, int]], outcomes: list[list[object]], *, sent: bool
) -> None:
    life = Life(outcomes, sent=sent)
    for action, number in steps:
        await life.step(action, number)
    await life.finish()
