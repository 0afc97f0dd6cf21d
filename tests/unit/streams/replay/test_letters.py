from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message, letter_id
from streams.replay.clusters import Clusters
from streams.replay.letters import Filter, Letter, letter_of
from tests.stream_builders import WRITTEN_AT, failed, origin, record

TIME = datetime.fromtimestamp(WRITTEN_AT, UTC)


def letter(
    disposition: Disposition = Disposition.REFUSED,
    *,
    written_at: float = WRITTEN_AT,
    task: str = "label",
    **changes: Any,  # noqa: ANN401 - fields of the failed record
) -> Letter:
    source = record(**changes)
    message = dead_letter_message(source, failed(disposition), origin(task=task), "dlq", "0.1.0")
    place = {"topic": "dlq.headrace.realtime", "partition": 1, "offset": 9}
    return letter_of(
        record(
            message.value,
            key=message.key,
            headers=message.headers,
            timestamp=written_at,
            **place,
        )
    )


def test_letter_knows_its_facts_and_its_source() -> None:
    found = letter(headers=(("x-own", b"\xff"), ("traceparent", b"00-1")))
    assert found.id == letter_id(record(), 0)
    assert found.source == ("interactions.realtime", "3", "41")
    assert found.facts["dlq.disposition"] == "REFUSED"
    assert not {"x-own", "traceparent"} & found.facts.keys()


@pytest.mark.parametrize(
    ("value", "event_id"),
    [
        (b'{"id":"evt-1","text":1}', "evt-1"),
        (b'{"id":7}', None),
        (b'{"text":"hi"}', None),
        (b'["evt-1"]', None),
        (b"\xff", None),
        (None, None),
    ],
)
def test_event_id_is_read_as_far_as_the_value_can_be(
    value: bytes | None, event_id: str | None
) -> None:
    assert letter(value=value).event_id == event_id


@pytest.mark.parametrize("value", [b'{"text":" "}', b"\xff", None])
def test_event_id_may_stand_in_the_cloud_event_header(value: bytes | None) -> None:
    assert letter(value=value, headers=(("ce_id", b"order-7"),)).event_id == "order-7"
    assert letter(headers=(("ce_id", b"order-7"),)).event_id == "evt-1"


def test_json_names_letter_event_facts_and_place() -> None:
    found = letter().as_json()
    assert (found["id"], found["event_id"]) == (letter_id(record(), 0), "evt-1")
    assert found["dlq.task"] == "label"
    assert found["__dlq.errors.offset"] == "41"
    assert (found["topic"], found["partition"], found["offset"]) == ("dlq.headrace.realtime", 1, 9)


@pytest.mark.parametrize(
    ("matching", "other"),
    [
        ({"disposition": Disposition.REFUSED}, {"disposition": Disposition.TRUNCATED}),
        ({"workload": WorkloadClass.REALTIME}, {"workload": WorkloadClass.BATCH}),
        ({"task": "label"}, {"task": "lab"}),
        ({"error": "OutputInvalid"}, {"error": "Output"}),
        ({"error": "schema"}, {"error": "Schema"}),
        ({"key": "evt-1"}, {"key": "evt"}),
        ({"id": "evt-1"}, {"id": "evt-2"}),
        ({"id": letter_id(record(), 0)}, {"id": letter_id(record(), 1)}),
        ({"since": TIME}, {"until": TIME}),
        ({"key": "evt-1", "task": "label"}, {"key": "evt-1", "task": "other"}),
    ],
)
def test_filter_takes_what_it_names(matching: dict[str, Any], other: dict[str, Any]) -> None:
    assert Filter(**matching).matches(letter())
    assert not Filter(**other).matches(letter())


def test_empty_filter_takes_every_letter() -> None:
    assert Filter().matches(letter(value=None, key=None))


def test_key_that_is_no_text_can_still_be_asked_for() -> None:
    assert Filter(key="\N{REPLACEMENT CHARACTER}a").matches(letter(key=b"\xffa"))
    assert not Filter(key="evt-1").matches(letter(key=None))


def test_letters_that_failed_alike_are_one_cluster() -> None:
    clusters = Clusters()
    clusters.add(letter(Disposition.TRUNCATED))
    for offset, seconds in ((5, 2.0), (6, 1.0), (7, 3.0)):
        clusters.add(letter(offset=offset, written_at=WRITTEN_AT + seconds))
    clusters.add(letter(task="other"))
    first, *others = clusters.largest_first()
    assert (first.disposition, first.task, first.count) == ("REFUSED", "label", 3)
    assert (first.first_seen, first.last_seen) == (WRITTEN_AT + 1, WRITTEN_AT + 3)
    assert first.example == letter_id(record(offset=5), 0)
    assert [cluster.count for cluster in others] == [1, 1]


def test_no_letters_are_no_clusters() -> None:
    assert list(Clusters().largest_first()) == []
