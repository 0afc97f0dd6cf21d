"""Whatever happens between a worker and its store, in the end the store knows the truth."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.store.memory import MemoryStore
from schemas.claim import Answer, Claim, Page
from streams.claims import Claims
from tests.fakes import ManualClock, until
from tests.hasty_loop import HASTY
from tests.shaky_store import ShakyStore

NAMES = ["a", "b", "c", "d"]
ACTIONS = ["claim", "claim", "keep", "alone", "together", "settle", "release", "cancel"]
STORE = ["away", "away", "back", "slow", "quick", "flush"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*ACTIONS, *ACTIONS, *STORE]),
        st.sampled_from(NAMES),
        st.sampled_from([0, 0, 1, 5, 50, 500, 2000]),  # turns of the hasty loop, a millisecond each
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


class Work:
    """What one worker does with a record, as its handler would; and what is true of it."""

    def __init__(self, claims: Claims, name: str) -> None:
        self._claims, self.name = claims, name
        self.asking: asyncio.Task[Claim] | None = None
        self.keeping: set[asyncio.Task[None]] = set()
        self.bought: list[Answer] = []
        self.settled = self.was_settled = self.alone = False

    @property
    def held(self) -> bool:
        """Whether the worker has it."""
        return self.asking is not None and self.asking.done() and not self.settled

    def step(self, action: str) -> None:
        if action == "claim" and not self.asking:
            self.asking = asyncio.create_task(self._claims.claim(self.name))
            self.settled = False
        elif action == "cancel" and self.asking and not self.asking.done():
            self.asking.cancel()
            self._end()
            self._claims.release(self.name)
        elif self.held:
            self._act(action)

    def _act(self, action: str) -> None:
        match action:
            case "keep":
                self._keep()
            case "alone":
                self._alone()
            case "together":
                self._together()
            case "settle":
                self._settle()
            case "release":
                self._release()

    def _keep(self) -> None:
        self.keeping.add(asyncio.create_task(self._bought()))

    async def _bought(self) -> None:
        answer = Answer(identity=self.name, version="v", turn=len(self.bought), reply="0")
        self.bought.append(answer)
        await self._claims.keep(answer)

    def _alone(self) -> None:
        self.keeping.add(asyncio.create_task(self._runs_alone()))

    async def _runs_alone(self) -> None:
        if not self.alone:
            self.alone = True
            await self._claims.alone(self.name)

    def _together(self) -> None:
        if self.alone:
            self.alone = False
            self._claims.together(self.name)

    def _settle(self) -> None:
        self._claims.settle(self.name)
        self._end()
        self.settled = self.was_settled = True

    def _release(self) -> None:
        self._claims.release(self.name)
        self._end()

    def _end(self) -> None:
        """Nobody works on it here; what still waits to be written down is given up."""
        self.asking, self.alone = None, False
        for task in self.keeping:
            task.cancel()


class Office:
    """A worker, its store, and the store's bad days."""

    def __init__(self) -> None:
        self.store = ShakyStore(ManualClock())
        self.claims = Claims("me", self.store)
        self.work = {name: Work(self.claims, name) for name in NAMES}
        self.flushed = False

    async def step(self, action: str, name: str, turns: int) -> None:
        match action:
            case "away":
                self.store.leave_us()
            case "back":
                self.store.come_back()
            case "slow":
                self.store.open.clear()
            case "quick":
                self.store.open.set()
            case "flush":
                self.store.forget()
                self.flushed = True
            case _:
                self.work[name].step(action)
        for _ in range(turns):
            await asyncio.sleep(0)

    async def settle_down(self) -> None:
        """Let the store be there, and everything be written."""
        self.store.open.set()
        self.store.come_back()
        self.work["marker"] = Work(self.claims, "marker")
        self.work["marker"].step("claim")
        everybody = [work.asking for work in self.work.values() if work.asking]
        await asyncio.wait(everybody, timeout=5)
        assert all(task.done() for task in everybody)
        keeping = [task for work in self.work.values() for task in work.keeping]
        if keeping:
            await asyncio.wait(keeping, timeout=5)
        assert all(task.done() for task in keeping)
        await asyncio.sleep(5)  # of the hasty loop
        await self.claims.stop()

    async def truth(self, name: str) -> None:
        """Compare what the next owner is told, if this worker dies now, with what is true."""
        work = self.work[name]
        claim, *_ = await MemoryStore.write(self.store, Page(worker="heir", claims=(name,)))
        if work.was_settled:
            assert claim.state == "settled"
            return
        assert claim.state == "granted"
        assert claim.deliveries == (2 if work.held else 1)
        assert claim.deaths_alone == (1 if work.held and work.alone else 0)
        assert claim.answers == tuple(work.bought)


@given(steps=STEPS)
async def test_store_knows_the_truth_in_the_end(steps: list[tuple[str, str, int]]) -> None:
    office = Office()
    for action, name, turns in steps:
        if action != "flush":
            await office.step(action, name, turns)
    await office.settle_down()
    for name in NAMES:
        await office.truth(name)


@given(steps=STEPS)
async def test_nobody_waits_for_ever_also_when_the_store_forgets(
    steps: list[tuple[str, str, int]],
) -> None:
    office = Office()
    for action, name, turns in steps:
        await office.step(action, name, turns)
    await office.settle_down()
    assert "alone" not in repr(office.claims)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ask", "ask", "ask", "away", "back", "slow", "quick"]),
            st.integers(0, 20),
        ),
        max_size=40,
    )
)
async def test_claims_are_answered_in_the_order_in_which_they_were_asked(
    steps: list[tuple[str, int]],
) -> None:
    office, told = Office(), list[int]()

    async def ask(number: int) -> None:
        await office.claims.claim(f"r-{number}")
        told.append(number)

    asking: list[asyncio.Task[None]] = []
    for action, turns in steps:
        if action == "ask":
            asking.append(asyncio.create_task(ask(len(asking))))
        else:
            await office.step(action, "", 0)
        for _ in range(turns):
            await asyncio.sleep(0)
    await office.settle_down()
    await until(lambda: all(task.done() for task in asking))
    assert told == list(range(len(asking)))
