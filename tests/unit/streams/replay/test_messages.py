import pytest

from schemas.dead_letter import SENT_TO_HEADER, Disposition
from streams.replay.letters import letter_of
from streams.replay.messages import (
    mark_of,
    parked_message,
    replay_message,
)
from streams.source import Source, source_of
from tests.letter_builders import letter
from tests.stream_builders import facts, record

OWN = (("x-own", b"\xff"), ("x-own", b"twice"), ("traceparent", b"00-1"))


@pytest.mark.parametrize("replays", [0, 1])
def test_replay_is_believed_by_the_worker(replays: int) -> None:
    found = letter(replays=replays, headers=OWN)
    message = replay_message(found, "replay", "job1", ignore_expiry=False)
    read = record(message.value, topic="replay", headers=message.headers)
    assert source_of(read) == Source(
        topic="interactions.realtime", partition=3, offset=41, replays=replays + 1
    )


def test_replay_keeps_value_key_and_all_headers_of_the_letter() -> None:
    found = letter(value=b"\xff", key=b"\xfe", headers=OWN)
    message = replay_message(found, "replay", "job1", ignore_expiry=False)
    assert (message.topic, message.key, message.value) == ("replay", b"\xfe", b"\xff")
    changed = {"dlq.replay.count", "dlq.replay.job"}
    kept = [pair for pair in found.record.headers if pair[0] not in changed]
    assert [pair for pair in message.headers if pair[0] not in changed] == kept
    assert dict(message.headers)["dlq.replay.job"] == b"job1"
    assert "dlq.replay.ignore.expiry" not in dict(message.headers)


def test_second_replay_says_nothing_of_the_first() -> None:
    first = replay_message(letter(), "replay", "job1", ignore_expiry=True)
    again = letter_of(record(first.value, headers=first.headers))
    second = replay_message(again, "replay", "job2", ignore_expiry=False)
    names = [name for name, _ in second.headers]
    assert len(names) == len(set(names))
    assert facts(second)["dlq.replay.job"] == "job2"
    assert "dlq.replay.ignore.expiry" not in facts(second)


def test_ignored_expiry_is_said_in_a_header() -> None:
    message = replay_message(letter(), "replay", "job1", ignore_expiry=True)
    assert facts(message)["dlq.replay.ignore.expiry"] == "true"


def test_mark_is_the_replay_without_its_value() -> None:
    sent = replay_message(letter(), "interactions.realtime", "job1", ignore_expiry=False)
    mark = mark_of(sent, "replay")
    assert (mark.topic, mark.key, mark.value) == ("replay", sent.key, None)
    assert mark.headers == (*sent.headers, (SENT_TO_HEADER, b"interactions.realtime"))


def test_parked_letter_has_the_reason_and_its_last_disposition() -> None:
    found = letter(Disposition.TRUNCATED, replays=1, headers=OWN)
    message = parked_message(found, "parked", "order 7 was cancelled")
    told = dict(message.headers)
    assert (message.topic, message.key, message.value) == ("parked", b"evt-1", found.record.value)
    assert told["dlq.disposition"] == b"OPERATOR"
    assert told["dlq.error.type"] == b"TRUNCATED"
    assert told["__dlq.errors.message"] == b"order 7 was cancelled"
    assert told["dlq.id"].decode() == found.id
    assert [pair for pair in message.headers if pair[0] in ("x-own", "traceparent")] == list(OWN)
    names = [name for name, _ in message.headers if name != "x-own"]
    assert len(names) == len(set(names))


def test_reason_is_cut() -> None:
    message = parked_message(letter(), "parked", "x" * 5000)
    assert len(dict(message.headers)["__dlq.errors.message"]) == 1000


def test_parked_stranger_is_known_by_its_place() -> None:
    stranger = letter_of(record(topic="dlq", partition=2, offset=7))
    message = parked_message(stranger, "parked", "not ours")
    again = letter_of(record(topic="parked", offset=0, headers=message.headers))
    assert again.source == stranger.source
