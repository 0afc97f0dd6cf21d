from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.replay.clusters import Clusters, place_of
from streams.replay.letters import Filter, letter_of
from streams.source import Source, letter_id, source_of
from tests.letter_builders import letter
from tests.stream_builders import WRITTEN_AT, record

TIME = datetime.fromtimestamp(WRITTEN_AT, UTC)
FIRST = source_of(record())


def test_letter_knows_its_facts_and_its_source() -> None:
    found = letter(headers=(("x-own", b"\xff"), ("traceparent", b"00-1")))
    assert found.id == letter_id(FIRST, 0)
    assert found.source == Source(topic="interactions.realtime", partition=3, offset=41)
    assert found.workload is WorkloadClass.REALTIME
    assert found.genuine
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


def test_letter_of_a_replay_is_genuine_when_its_id_says_so() -> None:
    assert letter(replays=2).genuine
    forged = letter_of(
        record(
            headers=tuple(
                (name, b"1" if name == "dlq.replay.count" else value)
                for name, value in letter().record.headers
            )
        )
    )
    assert (forged.source.replays, forged.genuine) == (1, False)


@pytest.mark.parametrize(
    "headers", [(), (("__dlq.errors.topic", b"a"),), (("__dlq.errors.partition", b"x"),)]
)
def test_stranger_in_the_topic_has_its_own_place_as_source(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    found = letter_of(record(headers=headers, topic="dlq", partition=2, offset=7))
    assert found.source == Source(topic="dlq", partition=2, offset=7)
    assert not found.genuine


def test_json_names_letter_event_facts_and_place() -> None:
    found = letter().as_json()
    assert (found["id"], found["event_id"]) == (letter_id(FIRST, 0), "evt-1")
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
        ({"id": letter_id(FIRST, 0)}, {"id": letter_id(FIRST, 1)}),
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
    assert first.example == letter_id(source_of(record(offset=5)), 0)
    assert [cluster.count for cluster in others] == [1, 1]


def test_no_letters_are_no_clusters() -> None:
    assert list(Clusters().largest_first()) == []


@pytest.mark.parametrize(
    ("disposition", "message", "place"),
    [
        ("OUTPUT_INVALID", "lines.3.amount: Input should be a number; total: no", "lines.*.amount"),
        ("SCHEMA_INVALID", "text: Value error, must not be blank", "text"),
        ("SCHEMA_INVALID", "attributes.9 lives: too long", ""),
        ("SCHEMA_INVALID", "attributes.9-x.y: too long", "attributes.*.y"),
        ("OUTPUT_INVALID", "the answer is empty", ""),
        ("REFUSED", "label: not one of bug, question", ""),
    ],
)
def test_place_is_the_path_of_the_first_problem(disposition: str, message: str, place: str) -> None:
    facts = {"dlq.disposition": disposition, "__dlq.errors.message": message}
    assert place_of(facts) == place


def test_cluster_has_the_place() -> None:
    clusters = Clusters()
    clusters.add(letter(Disposition.OUTPUT_INVALID))
    [found] = clusters.largest_first()
    assert (found.place, found.error_type) == ("label", "schema")


@pytest.mark.parametrize("count", [str(2**63), "-1", "9" * 5000])
def test_letter_with_a_count_that_cannot_be_has_no_source_but_its_place(count: str) -> None:
    given = record(
        topic="dlq",
        headers=tuple(
            (name, count.encode() if name == "dlq.replay.count" else value)
            for name, value in letter().record.headers
        ),
    )
    found = letter_of(given)
    assert found.source == Source(topic="dlq", partition=3, offset=41)
    assert not found.genuine
