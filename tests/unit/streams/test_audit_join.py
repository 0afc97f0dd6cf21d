from collections.abc import Iterator

import pytest

from schemas.workload import WorkloadClass
from streams.audit.join import Join
from streams.audit.trace import AHEAD, PASSED, Kind, Trace
from streams.source import Source

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH


@pytest.fixture
def join() -> Iterator[Join]:
    with Join.opened() as made:
        yield made


def source(offset: int, partition: int = 0, topic: str = "in") -> Source:
    return Source(topic=topic, partition=partition, offset=offset)


def trace(kind: Kind, replays: int = 0, mark: str = "x", at: float = 1.0) -> Trace:
    return Trace(kind=kind, replays=replays, mark=mark, at=at)


def test_inputs_come_in_order_each_with_its_own(join: Join) -> None:
    join.add_trace(source(10), trace(Kind.RESULT), REALTIME)
    for offset in (10, 9, 100):
        join.add_input(source(offset), float(offset))
    join.add_input(source(1, partition=2), 1.0)
    join.add_trace(source(9), trace(Kind.LETTER), REALTIME)
    join.add_trace(source(9), trace(Kind.REPLAY, 1, AHEAD), REALTIME)
    assert [
        (s.partition, s.offset, at, {t.kind for t in found}) for s, at, found in join.cases()
    ] == [
        (0, 9, 9.0, {Kind.LETTER, Kind.REPLAY}),
        (0, 10, 10.0, {Kind.RESULT}),
        (0, 100, 100.0, set()),
        (2, 1, 1.0, set()),
    ]


def test_same_trace_is_counted_and_keeps_its_last_time(join: Join) -> None:
    join.add_input(source(1), 0.0)
    for at in (5.0, 7.0, 6.0):
        join.add_trace(source(1), trace(Kind.RESULT, at=at), REALTIME)
    join.add_trace(source(1), trace(Kind.RESULT, mark="y", at=1.0), REALTIME)
    [(_, _, found)] = join.cases()
    assert {(t.mark, t.copies, t.at) for t in found} == {("x", 3, 7.0), ("y", 1, 1.0)}


def test_input_read_twice_is_one(join: Join) -> None:
    join.add_input(source(1), 1.0)
    join.add_input(source(1), 1.0)
    assert len(list(join.cases())) == 1


def test_strangers_are_sources_of_ends_without_an_input(join: Join) -> None:
    join.add_input(source(1), 0.0)
    join.add_trace(source(1), trace(Kind.RESULT), REALTIME)
    join.add_trace(source(2), trace(Kind.RESULT), REALTIME)
    join.add_trace(source(2), trace(Kind.LETTER), REALTIME)
    join.add_trace(source(3), trace(Kind.REPLAY, 1), REALTIME)
    assert list(join.strangers()) == [source(2)]


@pytest.mark.parametrize(
    ("traces", "replays"),
    [
        ([(Kind.LETTER, 0)], 0),
        ([(Kind.LETTER, 0), (Kind.RESULT, 0)], 0),
        ([(Kind.LETTER, 0), (Kind.REPLAY, 1), (Kind.LETTER, 1)], 1),
        ([(Kind.LETTER, 0), (Kind.LETTER, 1)], 1),
        ([(Kind.LETTER, 1), (Kind.PARKED, 0)], 1),
        ([(Kind.LETTER, 0), (Kind.REPLAY, 1)], None),
        ([(Kind.LETTER, 0), (Kind.PARKED, 0)], None),
        ([(Kind.LETTER, 1), (Kind.REPLAY, 2), (Kind.PARKED, 2)], None),
        ([(Kind.PARKED, 0)], None),
        ([(Kind.RESULT, 0)], None),
    ],
)
def test_letters_are_open_until_they_are_sent_again_or_parked(
    join: Join, traces: list[tuple[Kind, int]], replays: int | None
) -> None:
    for kind, count in traces:
        join.add_trace(source(4), trace(kind, count), BATCH)
    found = join.open_letters()
    assert set(found) == set(WorkloadClass)
    assert found[BATCH] == ({} if replays is None else {"in:0:4": replays})
    assert not any(found[workload] for workload in WorkloadClass if workload is not BATCH)


def test_a_replay_of_one_source_leaves_the_others_open(join: Join) -> None:
    for offset in (1, 2):
        join.add_trace(source(offset), trace(Kind.LETTER), REALTIME)
    join.add_trace(source(1), trace(Kind.REPLAY, 1, PASSED), REALTIME)
    assert join.open_letters()[REALTIME] == {"in:0:2": 0}
