import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.header_names import readable
from tests.spoiled_batches import GZIP, batch, by_gzip, spoiled

Read = list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]]


def read(records: bytes) -> Read:
    found: Read = []
    batches = MemoryRecords(records)
    while batches.has_next():
        one = batches.next_batch()
        assert one.validate_crc()
        found += [(record.key, record.value, list(record.headers)) for record in one]
    return found


@pytest.mark.parametrize("compression", [0, GZIP])
def test_what_can_be_read_is_left_as_it_is(compression: int) -> None:
    records = batch("naïve", "日本", compression=compression) + batch()
    assert readable(records) is records


def test_nothing_and_half_a_batch_are_left_as_they_are() -> None:
    half = batch("name")[:40]
    assert readable(b"") == b""
    assert readable(half) == half


def test_bytes_that_are_no_utf8_become_question_marks() -> None:
    repaired = readable(batch("first") + spoiled(b"caf\xe9-\xff\xfeA") + batch("last"))
    names = [[name for name, _ in headers] for _, _, headers in read(repaired)]
    assert names == [
        ["before", "first", "z"],
        [],
        ["before", "fine", "z"],
        ["before", "caf?-??A", "z"],
        [],
        ["before", "last", "z"],
        [],
    ]


def test_the_rest_of_the_records_stays() -> None:
    repaired = read(readable(spoiled(b"\xff" * 8)))
    assert repaired[1] == (b"key", b"value", [("before", b"1"), ("?" * 8, None), ("z", b"2")])


def test_batch_behind_a_bad_one_that_is_cut_off_stays_cut_off() -> None:
    half = batch("name")[:40]
    assert readable(spoiled(b"\xff" * 8) + half).endswith(half)


def test_good_utf8_in_a_bad_name_stays() -> None:
    repaired = read(readable(spoiled("é日".encode() + b"\xc3ab")))
    assert repaired[1][2][1][0] == "é日?ab"


def test_compressed_batches_are_repaired_too() -> None:
    packed = by_gzip(spoiled(b"\xff" * 8))
    with pytest.raises(UnicodeDecodeError):
        read(packed)
    assert [len(headers) for _, _, headers in read(readable(packed))] == [3, 3, 0]


@given(st.binary(min_size=8, max_size=8))
def test_any_name_can_be_read(name: bytes) -> None:
    found = read(readable(spoiled(name)))
    assert [len(headers) for _, _, headers in found] == [3, 3, 0]
