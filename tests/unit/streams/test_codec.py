import pytest

from schemas.dead_letter import Disposition
from schemas.events import Document, Event, Interaction
from schemas.workload import WorkloadClass
from streams.codec import MAX_DEPTH, MAX_NAMED_PROBLEMS, Undecodable, decode, task_name
from tests.stream_builders import document, event, headers, record

MAX_EVENT_BYTES = 1000
OBJECTS_ABOVE_A_NEST = 2  # the event and its attributes


def read(
    value: bytes | None,
    workload: WorkloadClass = WorkloadClass.REALTIME,
    /,
    **cloud_event: bytes,
) -> Event | Undecodable:
    given = record(value, headers=headers(**cloud_event))
    return decode(given, workload, MAX_EVENT_BYTES)


def interaction(value: bytes, **cloud_event: bytes) -> Interaction:
    found = read(value, **cloud_event)
    assert isinstance(found, Interaction)
    return found


def refused(value: bytes | None, **cloud_event: bytes) -> Undecodable:
    found = read(value, **cloud_event)
    assert isinstance(found, Undecodable)
    return found


def nested(depth: int, opens: str = "[", closes: str = "]") -> bytes:
    """An event whose JSON is so many arrays or objects deep, and that has more of them."""
    inner = depth - OBJECTS_ABOVE_A_NEST
    nest = f"{opens * inner}1{closes * inner}"
    return b'{"id":"evt-1","text":"hi","attributes":{"a":%s,"b":[[],{}]}}' % nest.encode()


@pytest.mark.parametrize("workload", [WorkloadClass.REALTIME, WorkloadClass.INTERACTIVE])
def test_live_classes_read_interactions(workload: WorkloadClass) -> None:
    assert isinstance(read(event(channel="chat"), workload), Interaction)
    assert isinstance(read(document(title="Invoice"), workload), Undecodable)


@pytest.mark.parametrize("workload", [WorkloadClass.TRANSACTIONAL, WorkloadClass.BATCH])
def test_document_classes_read_documents(workload: WorkloadClass) -> None:
    assert isinstance(read(document(title="Invoice"), workload), Document)
    assert isinstance(read(event(channel="chat"), workload), Undecodable)


@pytest.mark.parametrize(
    ("value", "error_type"),
    [
        pytest.param(None, "tombstone", id="tombstone"),
        pytest.param(b"", "json", id="empty"),
        pytest.param(b" \n", "json", id="blank"),
        pytest.param(event().replace(b"card", b"c\xe4rd"), "json", id="Latin-1"),
        pytest.param(event().decode().encode("utf-16"), "json", id="UTF-16"),
        pytest.param(b"id=evt-1", "json", id="not JSON"),
        pytest.param(event()[:-1], "json", id="cut short"),
        pytest.param(event() + event(), "json", id="two events"),
        pytest.param(b'{"id":"evt-1","text":"hi","attributes":{"a":NaN}}', "json", id="NaN"),
        pytest.param(b'{"id":"evt-1","text":"hi","attributes":{"a":1e999}}', "json", id="infinity"),
        pytest.param(b"\xef\xbb\xbf" + event(), "json", id="byte order mark"),
        pytest.param(b'{"id":"evt-1","text":"\\ud800"}', "json", id="lone high surrogate"),
        pytest.param(b'{"id":"evt-1","text":"\\udc00 hi"}', "json", id="lone low surrogate"),
        pytest.param(b"[" * 400 + b"]" * 400, "depth", id="far too deep"),
        pytest.param(b"[" * 900, "json", id="open brackets only"),
    ],
)
def test_what_is_no_json_is_undecodable(value: bytes | None, error_type: str) -> None:
    found = refused(value)
    assert found.disposition is Disposition.UNDECODABLE
    assert found.error_type == error_type


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"[]", id="array"),
        pytest.param(b'"evt-1"', id="text"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"text":"hi"}', id="no id"),
        pytest.param(b'{"id":"evt-1"}', id="no text"),
        pytest.param(event(colour="red"), id="unknown field"),
        pytest.param(event(id=7), id="number as id"),
        pytest.param(event(id=""), id="empty id"),
        pytest.param(event(id="x" * 257), id="id too long"),
        pytest.param(event(text=["hi"]), id="list as text"),
        pytest.param(event(text=" \t\n\u2003"), id="blank text"),
        pytest.param(event(occurred_at="2026-11-22T12:00:00"), id="time without zone"),
        pytest.param(event(expires_at="2026-11-22"), id="date as time"),
        pytest.param(event(expires_at=1795348800), id="number as time"),
        pytest.param(event(messages=[{"role": "agent", "text": "hi"}]), id="text and messages"),
        pytest.param(b'{"id":"evt-1","messages":[]}', id="no messages"),
        pytest.param(event(attributes=[]), id="list as attributes"),
    ],
)
def test_what_is_no_event_is_schema_invalid(value: bytes) -> None:
    assert refused(value).disposition is Disposition.SCHEMA_INVALID


def test_value_at_the_size_limit_is_read_and_one_byte_more_is_not() -> None:
    fits = event(text="x" * (MAX_EVENT_BYTES - len(event(text=""))))
    assert len(fits) == MAX_EVENT_BYTES
    interaction(fits)
    found = refused(fits.replace(b"xx", b"xxx", 1))
    assert found.disposition is Disposition.TOO_LARGE
    assert "1001 bytes" in found.message


def test_size_is_looked_at_before_the_value_is_parsed() -> None:
    assert refused(b"\xff" * (MAX_EVENT_BYTES + 1)).disposition is Disposition.TOO_LARGE


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_64_is_read_and_of_65_is_not(opens: str, closes: str) -> None:
    interaction(nested(MAX_DEPTH, opens, closes))
    found = refused(nested(MAX_DEPTH + 1, opens, closes))
    assert (found.disposition, found.error_type) == (Disposition.UNDECODABLE, "depth")


def test_brackets_in_a_text_are_not_nesting() -> None:
    assert interaction(event(text="[{" * 100)).text == "[{" * 100


def test_last_of_duplicate_keys_wins() -> None:
    assert interaction(b'{"id":"first","id":"second","text":"hi"}').id == "second"


def test_escaped_surrogate_pair_is_one_character() -> None:
    assert interaction(b'{"id":"evt-1","text":"\\ud83d\\ude00"}').text == "\N{GRINNING FACE}"


def test_cloud_event_headers_fill_absent_fields() -> None:
    found = interaction(
        b'{"text":"hi"}',
        ce_id=b"order-7",
        ce_time=b"2026-11-22T12:00:00Z",
        ce_expirytime=b"2026-11-22T13:00:00+01:00",
    )
    assert found.id == "order-7"
    assert found.occurred_at == found.expires_at


def test_cloud_event_headers_replace_nothing() -> None:
    assert interaction(event(id="evt-1"), ce_id=b"order-7").id == "evt-1"
    assert refused(event(id=None), ce_id=b"order-7").error_type == "string_type"


@pytest.mark.parametrize("time", [b"2026-11-22T12:00:00", b"1795348800", b"soon", b"\xff"])
def test_cloud_event_time_is_checked_like_a_field(time: bytes) -> None:
    assert refused(event(), ce_expirytime=time).disposition is Disposition.SCHEMA_INVALID


def test_last_header_of_a_name_counts() -> None:
    twice = record(b'{"text":"hi"}', headers=(("ce_id", b"first"), ("ce_id", b"second")))
    found = decode(twice, WorkloadClass.REALTIME, MAX_EVENT_BYTES)
    assert isinstance(found, Interaction)
    assert found.id == "second"


def test_own_task_goes_before_the_cloud_event_type() -> None:
    given = record(event(), headers=headers(ce_type=b"triage"))
    assert task_name(interaction(event(task="assist")), given) == ("assist", False)
    assert task_name(interaction(event()), given) == ("triage", True)
    assert task_name(interaction(event()), record()) == (None, False)


def test_message_names_the_place() -> None:
    found = refused(b'{"id":"evt-1","messages":[{"role":"boss","text":"hi"}]}')
    assert "messages.0.role" in found.message
    assert "boss" not in found.message


def test_message_stays_short_however_much_is_wrong() -> None:
    wrong = {"id": "evt-1", "messages": [0] * (MAX_NAMED_PROBLEMS + 1)}
    found = refused(event(**wrong))
    assert found.disposition is Disposition.SCHEMA_INVALID
    assert "places" in found.message
    assert len(found.message) < 100


def test_unknown_fields_are_named_to_their_producer_only() -> None:
    value = b'{"id":"evt-1","text":"hi","colour\\u001b[2J\\n":1,"t\\u00fcr":2}'
    found = refused(value)
    assert found.message == "event: has a field that is not known; " * 1 + (
        "event: has a field that is not known"
    )
    assert found.to_producer == found.message + r": 'colour\x1b[2J\n', 't\xfcr'"


def test_without_an_unknown_field_both_are_told_the_same() -> None:
    found = refused(b'{"id":"evt-1","text":" "}')
    assert found.to_producer == found.message
