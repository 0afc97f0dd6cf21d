"""The demo's events: sample files dealt out over the four classes, and some that must fail."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle, islice
from typing import Any

import orjson

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass

SHARES = {
    WorkloadClass.REALTIME: 0.5,
    WorkloadClass.INTERACTIVE: 0.1,
    WorkloadClass.TRANSACTIONAL: 0.25,
    WorkloadClass.BATCH: 0.15,
}
POISON = 0.02
_FILES = {
    WorkloadClass.REALTIME: "interactions.realtime.jsonl",
    WorkloadClass.INTERACTIVE: "interactions.interactive.jsonl",
    WorkloadClass.TRANSACTIONAL: "documents.transactional.jsonl",
    WorkloadClass.BATCH: "documents.batch.jsonl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One record to publish. `expect`: the disposition it has to end in, None for a result."""

    workload: WorkloadClass
    key: bytes | None
    value: bytes | None
    expect: Disposition | None = None
    event_id: str = ""
    text: str = ""


def samples(count: int, max_event_bytes: int) -> list[Sample]:
    """Return `count` records; `POISON` of them must fail."""
    bad = max(1, round(count * POISON))
    poison = list(islice(cycle(_poison(max_event_bytes)), bad))
    good: list[Sample] = []
    for workload, share in SHARES.items():
        good += _good(workload, round((count - bad) * share))
    short = count - bad - len(good)
    good += _good(WorkloadClass.REALTIME, max(0, short), first=count)
    return _spread(good[: count - bad], poison)


def _good(workload: WorkloadClass, count: int, first: int = 0) -> list[Sample]:
    rows = _rows(_FILES[workload])
    found = []
    for number in range(first, first + count):
        lap, row = number // len(rows), dict(rows[number % len(rows)])
        row["id"] = f"{workload}-{number:05d}"
        if lap:
            # A second lap is other customers' business, not more of the same conversation.
            for name in ("conversation_id", "customer_id"):
                if name in row:
                    row[name] = f"{row[name]}-{lap}"
            if "job" in row:
                row["job"] = row["job"] | {"id": f"{row['job']['id']}-{lap}"}
        key = row.get("conversation_id") or row.get("customer_id") or row["id"]
        found.append(
            Sample(
                workload=workload,
                key=key.encode(),
                value=orjson.dumps(row),
                event_id=row["id"],
                text=row.get("text") or row["messages"][-1]["text"],
            )
        )
    return found


def _poison(max_event_bytes: int) -> Iterator[Sample]:
    yield Sample(
        workload=WorkloadClass.BATCH,
        key=b"poison-large",
        value=orjson.dumps({"id": "poison-large", "text": "x" * max_event_bytes}),
        expect=Disposition.TOO_LARGE,
    )
    yield Sample(
        workload=WorkloadClass.REALTIME,
        key=b"poison-tombstone",
        value=None,
        expect=Disposition.UNDECODABLE,
    )
    for row in _rows("poison.jsonl"):
        encoded = row.get("value_base64")
        value = orjson.dumps(row["value"]) if encoded is None else base64.b64decode(encoded)
        yield Sample(
            workload=WorkloadClass(row["topic_class"]),
            key=b"poison",
            value=value,
            expect=Disposition(row["expect"]),
        )


def _spread(good: list[Sample], poison: list[Sample]) -> list[Sample]:
    """Deal the poison out evenly."""
    step = max(1, len(good) // max(1, len(poison)))
    dealt: list[Sample] = []
    left = iter(poison)
    for number, sample in enumerate(good):
        dealt.append(sample)
        if number % step == step // 2 and (bad := next(left, None)):
            dealt.append(bad)
    return dealt + list(left)


def _rows(name: str) -> list[dict[str, Any]]:
    text = files("streams.local").joinpath("samples", name).read_text("utf-8")
    return [orjson.loads(line) for line in text.splitlines() if line]
