"""The result envelope, as consumers read it."""

from pydantic import JsonValue

from schemas.base import Model
from schemas.events import Timestamp
from schemas.usage import Usage
from schemas.workload import WorkloadClass


class Source(Model):
    """Where the event was first read."""

    topic: str
    partition: int
    offset: int


class Timing(Model):
    """Milliseconds: read to first call, all calls, read to just before publishing."""

    queued_ms: float
    claude_ms: float
    total_ms: float


class Result(Model):
    """What is published to a result topic. Usage, cost and attempts are sums over all turns."""

    id: str
    task: str
    task_version: str
    workload: WorkloadClass
    output: JsonValue
    model: str
    stop_reason: str
    request_id: str | None
    attempts: int
    repaired: bool
    late: bool
    usage: Usage
    cost_microusd: int
    timing: Timing
    source: Source
    completed_at: Timestamp
    context_missing: tuple[str, ...] = ()


class Delta(Model):
    """A piece of an answer while it is written; join those of one `attempt` by `sequence`."""

    id: str
    task: str
    attempt: int
    sequence: int
    text: str


class Alert(Model):
    """Something that a person should know, raised or cleared."""

    id: str
    kind: str
    state: str
    model: str | None = None
    unit: str | None = None
    ratio: float | None = None
    by_class: dict[str, float] | None = None
    message: str
    at: Timestamp
