"""Facts about the work, and who may listen to them."""

from dataclasses import dataclass
from typing import Literal, Protocol

from schemas.alert import Alert
from schemas.dead_letter import Disposition
from schemas.lease import Unit
from schemas.outcome import HeldReason
from schemas.usage import Usage
from schemas.workload import WorkloadClass

# Ends in the parked topic; all others are dead letters, which may be replayed.
PARKED = frozenset({Disposition.REPLAY_CAP, Disposition.OPERATOR})


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
class Outdated:
    """Answers that were bought for another version of a record's task; they are bought again."""

    workload: WorkloadClass
    task: str
    answers: int


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

    @property
    def outcome(self) -> Literal["completed", "dead_lettered", "parked"]:
        """Where it was published."""
        if self.disposition is None:
            return "completed"
        return "parked" if self.disposition in PARKED else "dead_lettered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The budget of a model was closed for so many seconds, and why."""

    model: str
    seconds: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBegan:
    """The circuit of a model opened: its records wait, and one call is tried now and then."""

    model: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEnded:
    """The circuit of a model closed; `seconds` is for how long its records were held."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChanged:
    """The API told another limit a minute; 0: none was known."""

    model: str
    unit: Unit
    before: float
    now: float

    @property
    def message(self) -> str:
        """One sentence for people."""
        was = f"{self.before:,.0f}" if self.before else "not known"
        words = self.unit.replace("_", " ")
        return f"{self.model}: the limit of {words} a minute is {self.now:,.0f} now, was {was}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """What was reserved for a call that was answered, and what it used."""

    task: str
    model: str
    unit: Unit
    reserved: float
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """A person is told of something, or of its end."""

    alert: Alert


Observation = (
    Received
    | Released
    | Repeated
    | Outdated
    | Waited
    | Called
    | Retried
    | Rejected
    | Settled
    | Closed
    | OutageBegan
    | OutageEnded
    | LimitChanged
    | Estimated
    | Alerted
)


class Observer(Protocol):
    """Somebody who wants to know."""

    def observe(self, fact: Observation) -> None:
        """Take note; never raises, never blocks."""


class Silent:
    """An observer that takes no note."""

    def observe(self, fact: Observation) -> None:
        """Do nothing."""
