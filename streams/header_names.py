"""Header names that are not UTF-8, made readable before aiokafka fails on them.

Kafka says that names of headers are UTF-8, and does not look. aiokafka raises in the middle of a
fetch, gives up its consumer, and does so again after every restart: one record would stop all that
is behind it. As in Java's client, what is no UTF-8 becomes a replacement, here "?" for each byte.

Record batch, version 2: https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Iterator

from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchPy as PlainBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c, decode_varint

# Places in a batch: its length counts what follows the length; the checksum what follows itself.
_LENGTH_AT, _AFTER_LENGTH, _VERSION_AT = 8, 12, 16
_CRC_AT, _ATTRIBUTES_AT, _COUNT_AT, _HEAD_BYTES = 17, 21, 57, 61
_COMPRESSION_BITS = 0b111
_VERSION = 2


def readable(records: bytes) -> bytes:
    """Return fetched records in which every header's name is UTF-8; nearly always they are."""
    try:
        _read(records)
    except UnicodeDecodeError:
        return b"".join(_repaired(batch) for batch in _batches(records))
    except KafkaError:  # what is damaged is told where it is read
        pass
    return records


def _read(records: bytes) -> None:
    batches = MemoryRecords(records)
    while batches.has_next():
        for _ in batches.next_batch():
            pass


def _batches(records: bytes) -> Iterator[bytes]:
    """Cut at the batches; a last one that is not whole is left as it is."""
    at = 0
    while at + _AFTER_LENGTH <= len(records):
        (length,) = struct.unpack_from(">i", records, at + _LENGTH_AT)
        yield records[at : at + _AFTER_LENGTH + length]
        at += _AFTER_LENGTH + length
    yield records[at:]


def _repaired(batch: bytes) -> bytes:
    if len(batch) < _HEAD_BYTES or batch[_VERSION_AT] != _VERSION:
        return batch
    plain = PlainBatch(batch)
    plain._maybe_uncompress()  # noqa: SLF001 - decompression, and where the records begin
    body = bytearray(plain._buffer[plain._pos :])  # noqa: SLF001
    (count,) = struct.unpack_from(">i", batch, _COUNT_AT)
    for start, end in _names(body, count):
        body[start:end] = _utf8(bytes(body[start:end]))
    return _packed(batch, body)


def _packed(batch: bytes, body: bytearray) -> bytes:
    """Put the records back behind the head of their batch, uncompressed."""
    head = bytearray(batch[:_HEAD_BYTES])
    (attributes,) = struct.unpack_from(">h", head, _ATTRIBUTES_AT)
    struct.pack_into(">h", head, _ATTRIBUTES_AT, attributes & ~_COMPRESSION_BITS)
    struct.pack_into(">i", head, _LENGTH_AT, len(head) + len(body) - _AFTER_LENGTH)
    struct.pack_into(">I", head, _CRC_AT, calc_crc32c(head[_ATTRIBUTES_AT:] + body))
    return bytes(head + body)


def _names(body: bytearray, count: int) -> Iterator[tuple[int, int]]:
    """Yield where the names of all headers of `count` records begin and end."""
    at = 0
    for _ in range(count):
        _, at = decode_varint(body, at)  # length
        at += 1  # attributes
        for _ in range(2):  # timestamp and offset
            _, at = decode_varint(body, at)
        for _ in range(2):  # key and value
            at = _after_bytes(body, at)
        headers, at = decode_varint(body, at)
        for _ in range(headers):
            length, at = decode_varint(body, at)
            yield at, at + length
            at = _after_bytes(body, at + length)


def _after_bytes(body: bytearray, at: int) -> int:
    length, begin = decode_varint(body, at)
    after: int = begin + max(0, length)  # -1 is null
    return after


def _utf8(name: bytes) -> bytes:
    """Return the name with "?" for each byte that is no UTF-8: as long as it was."""
    told = name.decode("utf-8", "surrogateescape")
    return b"".join(b"?" if "\udc80" <= c <= "\udcff" else c.encode() for c in told)
