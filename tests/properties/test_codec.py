from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.catalog import Catalog
from agents.pipeline import Work
from schemas.dead_letter import Disposition
from schemas.outcome import Failed
from schemas.sections import Classes
from schemas.workload import WorkloadClass
from streams.codec import Undecodable, decode
from streams.reader import Reader
from streams.record import Record
from tests.stream_builders import catalog, record

SECRET = "sk-canary-4711"
CLASSES = st.sampled_from(WorkloadClass)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        *("id", "task", "text", "messages", "customer_id", "conversation_id", "channel"),
        *("title", "content_type", "job", "occurred_at", "expires_at", "attributes"),
    ]
)
SECRETS = st.sampled_from(
    [SECRET, [SECRET], {SECRET[:2]: SECRET}, [{"role": SECRET, "text": SECRET}], {"id": SECRET}]
)
TIMES = st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-22T12:00:00Z"]
)
EVENTS = st.dictionaries(NAMES, JSON | TIMES, max_size=8).map(
    lambda e: {"id": "e", "text": "t"} | e
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["ce_id", "ce_time", "ce_expirytime", "ce_type"]), st.binary())
).map(tuple)
TIMESTAMPS = st.floats(-0.001, 1e16)
unhurried = settings(deadline=None)  # other work shares the machine


def reader(workload: WorkloadClass) -> Reader:
    tasks = catalog() if workload is WorkloadClass.REALTIME else Catalog((), Classes())
    return Reader(workload, Classes().of(workload), tasks, 1_000_000, lambda: 0.0)


def read(given_record: Record, workload: WorkloadClass) -> Work | Failed:
    return reader(workload).read(given_record)


@unhurried
@given(st.binary(), CLASSES, HEADERS)
@example(b"", WorkloadClass.BATCH, ())
def test_arbitrary_bytes_never_raise(
    value: bytes, workload: WorkloadClass, headers: tuple[tuple[str, bytes], ...]
) -> None:
    decode(record(value, headers=headers), workload, 1000)


@unhurried
@given(EVENTS, CLASSES, HEADERS, TIMESTAMPS)
def test_almost_events_are_work_or_a_failure_and_never_raise(
    event: dict[str, Any],
    workload: WorkloadClass,
    headers: tuple[tuple[str, bytes], ...],
    timestamp: float,
) -> None:
    found = read(record(orjson.dumps(event), headers=headers, timestamp=timestamp), workload)
    assert isinstance(found, Work) or found.disposition in {
        Disposition.SCHEMA_INVALID,
        Disposition.UNKNOWN_TASK,
    }


@unhurried
@given(st.dictionaries(NAMES, SECRETS, min_size=1), CLASSES)
def test_messages_never_hold_a_value_of_the_event(
    event: dict[str, Any], workload: WorkloadClass
) -> None:
    found = decode(record(orjson.dumps(event)), workload, 1_000_000)
    if isinstance(found, Undecodable):
        assert SECRET not in found.message + found.error_type


@unhurried
@given(st.text(min_size=1), st.integers(0, 30))
def test_messages_never_hold_a_piece_of_broken_json(text: str, cut: int) -> None:
    value = orjson.dumps({"text": f"{SECRET}{text}"})[: -1 - cut % len(text)]
    found = decode(record(value), WorkloadClass.REALTIME, 1_000_000)
    assert isinstance(found, Undecodable)
    assert found.disposition is Disposition.UNDECODABLE
    assert SECRET not in found.message
