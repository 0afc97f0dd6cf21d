"""Random sequences of asks, for whatever must hold in all of them."""

from dataclasses import dataclass
from typing import TypeVar, get_args

from hypothesis import strategies as st

from schemas.lease import Amounts, Ask, Closing, Rules, Told, Want
from schemas.outcome import HeldReason
from tests.store_builders import CEILINGS, START

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An ask, and how long after the one before it comes (seconds; may be negative)."""

    ask: Ask
    after_s: float


def amounts(low: float, high: float) -> st.SearchStrategy[Amounts]:
    """Amounts between two parts of a minute's limits; whole requests and tokens, or fractions."""
    return st.tuples(
        *[st.floats(low * limit, high * limit) for limit in CEILINGS], st.booleans()
    ).map(lambda row: [float(round(x)) if row[3] else x for x in row[:3]])


def rarely(strategy: st.SearchStrategy[T], usual: T) -> st.SearchStrategy[T]:
    """One time in eight something else than usual."""
    return st.integers(0, 7).flatmap(lambda n: strategy if n == 7 else st.just(usual))


priorities = st.integers(0, 4)
deadlines = st.sampled_from([0.0, 0.5, 5.0, 300.001, 86_400.0]).map(lambda s: START + s)
wants = st.builds(Want, priority=priorities, deadline=deadlines, need=amounts(0, 0.008))
lines = st.lists(wants, max_size=6).map(
    lambda row: tuple(sorted(row, key=lambda want: (want.priority, want.deadline)))
)
tolds = st.builds(
    Told,
    age_s=st.floats(0, 20),
    mark=amounts(-0.1, 1),
    limits=st.lists(st.sampled_from([0.0, 1.0, 90.0, 1000.0, 64_000.5]), min_size=3, max_size=3),
    remaining=amounts(0, 0.2),
)
closings = st.builds(
    Closing,
    seconds=st.floats(0, 30),
    reason=st.sampled_from(get_args(HeldReason)),
    ramp=st.booleans(),
)
rules = st.builds(
    Rules,
    ceilings=rarely(st.sampled_from([[600.0, 0.0, 12_000.0], [0.0, 0.0, 0.0]]), CEILINGS),
    reserves=st.lists(st.sampled_from([-1.0, 0.0, 0.05, 0.3]), min_size=5, max_size=5),
    floors=st.lists(st.sampled_from([0.0, 0.05, 0.2]), min_size=5, max_size=5),
)
asks = st.builds(
    Ask,
    budget=st.just("haiku"),
    worker=st.sampled_from(["w1", "w2", "w3"]),
    rules=rules,
    share=st.sampled_from([1.0, 1.0, 0.45]),
    returned=rarely(amounts(-0.01, 0.02), [0.0, 0.0, 0.0]),
    wants=lines,
    ahead=amounts(0, 0.01),
    told=rarely(st.lists(tolds, max_size=2).map(tuple), ()),
    closing=rarely(closings, None),
    probe=st.sampled_from(["", "", "answered", "failed"]),
    known=st.just([0.0, 0.0, 0.0]) | amounts(0.1, 1),
    bursts_s=st.lists(st.floats(0, 60), min_size=3, max_size=3),
    fresh=st.booleans(),
    resync=rarely(st.just(True), False),  # noqa: FBT003 - the field's value
)
pauses_s = (
    st.sampled_from([0.0, 0.001, 0.05, 0.3, 1.5])
    | st.floats(0, 2)
    | st.sampled_from([11.0, -0.2, -100.0])
)
steps = st.builds(Step, ask=asks, after_s=pauses_s)
sequences = st.lists(steps, min_size=1, max_size=12)
