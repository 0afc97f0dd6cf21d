from dataclasses import replace

import pytest

from streams.envelope import dead_letter_message
from streams.record import Message
from streams.source import Source, identity_of, letter_id, result_id, source_of
from tests.stream_builders import INPUT, REPLAYS, event, failed, headers, origin, record, replayed

OWN = Source(topic=INPUT, partition=3, offset=41)
CLUSTER = "cluster"


def letter(again: int = 0) -> Message:
    """The letter of the record of `stream_builders`, replayed so many times."""
    given = dead_letter_message(record(), failed(), origin(), "dlq.headrace.realtime", "0.1.0")
    for _ in range(again):
        topic = given.topic
        given = dead_letter_message(replayed(given), failed(), origin(), topic, "0.1.0")
    return given


def forged(**changes: bytes) -> tuple[tuple[str, bytes], ...]:
    """Headers of a true replay but for these, which are named as the last part of the header."""
    whole = dict(replayed(letter()).headers)
    names = {name.rsplit(".", 1)[1]: name for name in whole if name.startswith("__dlq")}
    names |= {"count": "dlq.replay.count", "id": "dlq.id"}
    return headers(**whole | {names[key]: value for key, value in changes.items()})


def test_source_of_a_record_is_its_own_place() -> None:
    assert source_of(record()) == OWN
    assert str(OWN) == "interactions.realtime:3:41"


@pytest.mark.parametrize("times", [1, 2])
def test_source_of_a_replay_is_that_of_the_first_record(times: int) -> None:
    found = source_of(replayed(letter(times - 1), offset=7))
    assert found == Source(topic=INPUT, partition=3, offset=41, replays=times)


def test_replay_to_the_topic_it_came_from_is_known_too() -> None:
    given = replayed(letter(), topic=INPUT, offset=99)
    assert source_of(given) == Source(topic=INPUT, partition=3, offset=41, replays=1)


@pytest.mark.parametrize(
    "false",
    [
        pytest.param({"id": b"forged"}, id="another id"),
        pytest.param({"offset": b"40"}, id="another offset"),
        pytest.param({"partition": b"2"}, id="another partition"),
        pytest.param({"topic": b"documents.batch"}, id="another topic"),
        pytest.param({"count": b"2"}, id="a count too many"),
        pytest.param({"count": b"0"}, id="no replay"),
        pytest.param({"count": b"-1"}, id="less than none"),
        pytest.param({"count": b"-1", "id": letter_id(OWN, -2).encode()}, id="an id of none"),
        pytest.param({"count": b"one"}, id="no number"),
        pytest.param({"count": b""}, id="an empty count"),
        pytest.param({"count": b"9" * 5000}, id="a number too long to read"),
        pytest.param(
            {"count": b"%d" % 2**63, "id": letter_id(OWN, 2**63 - 1).encode()},
            id="a count that no store could keep",
        ),
        pytest.param(
            {"offset": b"%d" % 2**63, "id": letter_id(replace(OWN, offset=2**63), 0).encode()},
            id="an offset that no result could tell",
        ),
        pytest.param({"offset": b"\xff"}, id="no text"),
        pytest.param({"topic": b"\xff"}, id="a topic that is no text"),
    ],
)
def test_headers_that_do_not_fit_together_are_not_believed(false: dict[str, bytes]) -> None:
    assert source_of(record(headers=forged(**false))) == OWN


@pytest.mark.parametrize("missing", ["dlq.id", "dlq.replay.count", "__dlq.errors.offset"])
def test_headers_that_are_not_all_there_are_not_believed(missing: str) -> None:
    given = tuple(pair for pair in replayed(letter()).headers if pair[0] != missing)
    assert source_of(record(headers=given)) == OWN


def test_letter_itself_is_no_replay() -> None:
    given = letter()
    assert source_of(record(topic=given.topic, offset=0, headers=given.headers)) == Source(
        topic=given.topic, partition=3, offset=0
    )


def test_result_of_a_replay_has_the_id_of_the_first() -> None:
    assert result_id(source_of(replayed(letter())), "label") == result_id(OWN, "label")


def test_letters_of_one_source_have_an_id_for_each_replay() -> None:
    assert len({letter_id(OWN, replays) for replays in range(3)}) == 3


def test_identity_is_the_same_for_a_redelivery() -> None:
    again = record(headers=headers(traceparent=b"00"))
    assert identity_of(CLUSTER, again) == identity_of(CLUSTER, record())


def test_identity_tells_records_apart() -> None:
    others = [
        record(offset=42),
        record(partition=4),
        record(topic="interactions.interactive"),
        record(event(id="evt-2")),
        record(key=None),
        record(key=b""),
        record(None),
        record(b""),
        record(timestamp=1.0),  # the topic was made anew
        replayed(letter()),
        replayed(letter(1)),
    ]
    names = {identity_of(CLUSTER, each) for each in (record(), *others)}
    assert len(names) == len(others) + 1
    assert identity_of("another", record()) not in names


def test_identity_knows_where_the_key_ends() -> None:
    one, two = record(b"bc", key=b"a"), record(b"c", key=b"ab")
    assert identity_of(CLUSTER, one) != identity_of(CLUSTER, two)


def test_replay_that_was_sent_twice_is_one_purchase() -> None:
    first = replayed(letter(), offset=7)
    twice = replayed(letter(), offset=8, partition=1, timestamp=0.0)
    assert first.topic == REPLAYS
    assert identity_of(CLUSTER, first) == identity_of(CLUSTER, twice)
