"""Facts about the work, and who may listen to them."""

from dataclasses import dataclass
from typing import Protocol

from schemas.dead_letter import Disposition
from schemas.outcome import HeldReason
from schemas.usage import Usage
from schemas.workload import WorkloadClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A record was taken from Kafka."""

    workload: WorkloadClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A record left this worker without an end: revoked, or drained at shutdown."""

    workload: WorkloadClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A record was delivered again that this worker has settled or is working on."""

    workload: WorkloadClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A call waited this long for its share of the budget."""

    workload: WorkloadClass
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One request to Claude ended. `status` is the HTTP status, or the name of what broke."""

    workload: WorkloadClass
    task: str
    model: str
    status: str
    seconds: float
    usage: Usage
    cost_nanousd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A record has to try again."""

    workload: WorkloadClass
    reason: HeldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An output failed its validation; `rule` is the kind of problem."""

    task: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A record's end is published. `disposition` is None for a result."""

    workload: WorkloadClass
    task: str
    disposition: Disposition | None
    late: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The budget of a model was closed for so many seconds, and why."""

    model: str
    seconds: float
    message: str


Observation = (
    Received | Released | Repeated | Waited | Called | Retried | Rejected | Settled | Closed
)


class Observer(Protocol):
    """Somebody who wants to know."""

    def observe(self, fact: Observation) -> None:
        """Take note; never raises, never blocks."""


class Silent:
    """An observer that takes no note."""

    def observe(self, fact: Observation) -> None:
        """Do nothing."""
