"""Record batches with header names that no decent client writes."""

import gzip

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

# A name that aiokafka can write, as long as the bytes that are put in its place.
MARK = "MARKMARK"
HEAD_BYTES, GZIP = 61, 1


def batch(*names: str, value: bytes = b"value", compression: int = 0) -> bytes:
    """One batch: a record for each header name, and one without anything."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**16,
    )
    for offset, name in enumerate(names):
        builder.append(offset, 0, b"key", value, [("before", b"1"), (name, None), ("z", b"2")])
    builder.append(len(names), 0, None, None, [])
    return bytes(builder.build())


def spoiled(name: bytes, value: bytes = b"value") -> bytes:
    """A batch of three records; the second has a header of that name, as long as the mark."""
    assert len(name) == len(MARK)
    whole = batch("fine", MARK, value=value).replace(MARK.encode(), name)
    return _packed(whole, whole[HEAD_BYTES:], 0)


def by_gzip(records: bytes) -> bytes:
    """The same batch, compressed."""
    return _packed(records, gzip.compress(records[HEAD_BYTES:]), GZIP)


def _packed(records: bytes, body: bytes, compression: int) -> bytes:
    head = bytearray(records[:HEAD_BYTES])
    head[8:12] = (HEAD_BYTES + len(body) - 12).to_bytes(4, "big")
    head[21:23] = compression.to_bytes(2, "big")
    head[17:21] = calc_crc32c(head[21:] + body).to_bytes(4, "big")
    return bytes(head + body)
