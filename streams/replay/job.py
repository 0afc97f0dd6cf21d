"""One replay job: what it was asked, and how that is written down in Kafka."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import orjson

from schemas.dead_letter import Disposition
from schemas.problem import Problem
from schemas.workload import WorkloadClass
from streams.record import Partition
from streams.replay.letters import Filter

# What Kafka takes beside a committed offset: `offset.metadata.max.bytes`.
MAX_METADATA_BYTES = 4096


class FilterTooLong(Problem):
    """The filter does not fit beside an offset in Kafka."""

    exit_status = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be replayed, and how. `limit` 0: all; `rate` is letters a second."""

    wanted: Filter
    limit: int
    rate: float
    to_origin: bool = False
    ignore_expiry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An order that is carried out. Letters at or after `ends` are none of its business."""

    id: str
    order: Order
    ends: Mapping[Partition, int]
    over: bool = False

    def at_rate(self, rate: float) -> "Job":
        """Return the same job at another speed."""
        return replace(self, order=replace(self.order, rate=rate))


def metadata(order: Order, end: int) -> str:
    """Write the order and a partition's end as a text. Raises FilterTooLong."""
    told = asdict(order) | {"end": end}
    text = orjson.dumps(told)
    if len(text) > MAX_METADATA_BYTES:
        raise FilterTooLong(f"the filter has {len(text)} bytes; Kafka keeps {MAX_METADATA_BYTES}")
    return text.decode()


def read(job: str, committed: Mapping[Partition, tuple[int, str]]) -> Job:
    """Read a job from its group's offsets and their metadata. Raises ValueError, KeyError."""
    rows = {partition: orjson.loads(text) for partition, (_, text) in committed.items()}
    ends = {partition: int(row["end"]) for partition, row in rows.items()}
    told = next(iter(rows.values()))
    order = Order(
        wanted=_filter(told["wanted"]),
        limit=int(told["limit"]),
        rate=float(told["rate"]),
        to_origin=bool(told["to_origin"]),
        ignore_expiry=bool(told["ignore_expiry"]),
    )
    over = all(offset >= ends[partition] for partition, (offset, _) in committed.items())
    return Job(id=job, order=order, ends=ends, over=over)


def _filter(told: Mapping[str, Any]) -> Filter:
    kinds: dict[str, Any] = {
        "workload": WorkloadClass,
        "disposition": Disposition,
        "since": datetime.fromisoformat,
        "until": datetime.fromisoformat,
    }
    names = [field.name for field in fields(Filter)]
    given = {name: told[name] for name in names if told.get(name) is not None}
    return Filter(**{name: kinds.get(name, str)(value) for name, value in given.items()})
