"""Random sequences of pages, beats and farewells, and what a store answers to them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from agents.store.database import Database
from agents.store.opening import Store
from agents.store.pool import MEMBER_S
from schemas.claim import Answer, Claim, LetterMark, Page
from schemas.workload import WorkloadClass
from tests.store_builders import Clock, report

RETENTION_S = 60.0
WORKERS = ("w1", "w2", "w3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A page, then who beats, who leaves, and how long nothing happens (seconds, or back)."""

    page: Page
    beats: str | None
    leaves: str | None
    pause_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one step was answered."""

    claims: tuple[Claim, ...]
    alive: set[str]
    open_letters: dict[WorkloadClass, int]


identities = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)
answers = st.builds(
    Answer,
    identity=st.sampled_from("abcd"),
    version=st.sampled_from(["v1", "v2", "a:1"]),
    turn=st.sampled_from([0, 1, 10]),
    reply=st.sampled_from(["{}", '"1,2 3"']),
)
letters = st.builds(
    LetterMark,
    workload=st.sampled_from(WorkloadClass),
    source=st.sampled_from(["docs:0:1", "docs:0:2"]),
    replays=st.integers(0, 2),
    is_open=st.booleans(),
)
pages = st.builds(
    Page,
    worker=st.sampled_from(WORKERS),
    answers=st.lists(answers, max_size=3).map(tuple),
    letters=st.lists(letters, max_size=2).map(tuple),
    settled=st.just(()) | st.just(()) | identities,
    released=st.just(()) | identities,
    alone=st.just(()) | identities,
    claims=identities,
)
steps = st.builds(
    Step,
    page=pages,
    beats=st.none() | st.sampled_from(WORKERS),
    leaves=st.sampled_from([None, None, None, *WORKERS]),
    # Exact in binary: the stores must agree on the very moment at which something ends.
    pause_s=st.sampled_from([0.0, 0.25, 4.0, MEMBER_S, MEMBER_S + 0.25, RETENTION_S, -20.0]),
)


def _what_is_over_stays_over(sequence: list[Step]) -> bool:
    """What has ended is dropped sooner or later: a clock that goes back behind an end may tell."""
    ahead_s = sum(max(0.0, step.pause_s) for step in sequence)
    return ahead_s < RETENTION_S or all(step.pause_s >= 0 for step in sequence)


sequences = st.lists(steps, min_size=1, max_size=16).filter(_what_is_over_stays_over)


async def answered(store: Store, clock: Clock, sequence: list[Step]) -> list[Told]:
    """Take a store through a sequence."""
    told = []
    for step in sequence:
        claims = await store.write(step.page)
        if step.beats:
            await store.beat(report(step.beats), 0)
        if step.leaves:
            await store.leave(step.leaves)
        clock.now += step.pause_s
        group = await store.group()
        told.append(Told(claims=claims, alive=set(group.workers), open_letters=group.open_letters))
    return told


def answered_by_file(database: Database, clock: Clock, sequence: list[Step]) -> list[Told]:
    """Take an SQLite file through a sequence, without its thread."""
    told = []
    for step in sequence:
        claims = database.write(step.page, clock.now)
        if step.beats:
            database.beat(report(step.beats), 0, clock.now)
        if step.leaves:
            database.leave(step.leaves)
        clock.now += step.pause_s
        group = database.group(clock.now)
        told.append(Told(claims=claims, alive=set(group.workers), open_letters=group.open_letters))
    return told
