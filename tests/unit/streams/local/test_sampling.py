from collections import Counter
from itertools import pairwise

import orjson
import pytest

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.codec import Undecodable, decode
from streams.local.sampling import POISON, SHARES, Sample, samples
from tests.stream_builders import record

MAX_EVENT_BYTES = 4000
DEMO = samples(1200, MAX_EVENT_BYTES)
GOOD = [sample for sample in DEMO if sample.expect is None]
POISONED = [sample for sample in DEMO if sample.expect is not None]


@pytest.mark.parametrize("count", [1, 2, 7, 50, 99, 1200, 3001])
def test_there_are_as_many_as_asked_for(count: int) -> None:
    found = samples(count, MAX_EVENT_BYTES)
    assert len(found) == count
    assert sum(sample.expect is not None for sample in found) == max(1, round(count * POISON))


def test_classes_have_their_shares() -> None:
    counts = Counter(sample.workload for sample in GOOD)
    for workload, share in SHARES.items():
        assert counts[workload] == pytest.approx(share * len(GOOD), abs=1)


@pytest.mark.parametrize("count", [7, 1200, 3001])
def test_ids_are_unique(count: int) -> None:
    good = [s for s in samples(count, MAX_EVENT_BYTES) if s.expect is None]
    ids = [orjson.loads(sample.value or b"")["id"] for sample in good]
    assert len(set(ids)) == len(ids)
    assert ids == [sample.event_id for sample in good]


def test_good_samples_are_events_under_their_own_key() -> None:
    for sample in GOOD:
        event = decode(record(sample.value), sample.workload, MAX_EVENT_BYTES)
        assert not isinstance(event, Undecodable)
        assert sample.key == event.key.encode()


def test_poison_ends_as_expected() -> None:
    for sample in POISONED:
        assert disposition_of(sample) in {sample.expect, None}
    assert all(
        disposition_of(sample) for sample in POISONED if sample.expect != Disposition.UNKNOWN_TASK
    )


def test_poison_is_of_every_kind_and_class() -> None:
    assert {sample.expect for sample in POISONED} == {
        Disposition.UNDECODABLE,
        Disposition.SCHEMA_INVALID,
        Disposition.UNKNOWN_TASK,
        Disposition.TOO_LARGE,
    }
    assert {sample.workload for sample in POISONED} == set(WorkloadClass)
    assert [sample for sample in POISONED if sample.value is None]


def test_poison_is_spread_over_the_good() -> None:
    places = [place for place, sample in enumerate(DEMO) if sample.expect is not None]
    apart = [later - earlier for earlier, later in pairwise(places)]
    assert max(apart) <= 2 * len(DEMO) / len(places)


def test_second_lap_is_other_conversations() -> None:
    conversations = Counter(
        orjson.loads(sample.value or b"").get("conversation_id")
        for sample in samples(3000, MAX_EVENT_BYTES)
        if sample.expect is None and sample.workload is WorkloadClass.INTERACTIVE
    )
    del conversations[None]
    once = Counter(
        orjson.loads(sample.value or b"").get("conversation_id")
        for sample in samples(600, MAX_EVENT_BYTES)
        if sample.expect is None and sample.workload is WorkloadClass.INTERACTIVE
    )
    assert max(conversations.values()) == max(count for name, count in once.items() if name)


def disposition_of(sample: Sample) -> Disposition | None:
    found = decode(record(sample.value), sample.workload, MAX_EVENT_BYTES)
    return found.disposition if isinstance(found, Undecodable) else None
