"""How the pipeline's work on one event ended, or that it has not ended yet."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.dead_letter import Disposition, Stage
from schemas.request import Reply
from schemas.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, in words that are safe to publish: no secret, no event text."""

    stage: Stage
    error_class: str
    error_type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is already done and paid for one record; it survives every wait.

    `judged` of the `replies` have been validated. `problems` is what the repair turn names
    about the `rejected` answer, `doubled` whether the output cap was raised. `claude_s`
    sums the time of all calls. `deliveries` counts those that ended with the death of a worker,
    and this one. `first_call_at` is monotonic, the other times are seconds since
    the epoch.
    """

    replies: tuple[Reply, ...] = ()
    judged: int = 0
    problems: tuple[str, ...] = ()
    rejected: str = ""
    doubled: bool = False
    calls: int = 0
    deliveries: int = 1
    record_attempts: int = 0
    dependency_attempts: int = 0
    first_call_at: float | None = None
    claude_s: float = 0.0
    first_failed_at: float | None = None
    last_failed_at: float | None = None
    context: dict[str, str] | None = None
    context_missing: tuple[str, ...] = ()

    @property
    def usage(self) -> Usage:
        """Tokens of all answers bought."""
        return sum((reply.usage for reply in self.replies), Usage())

    @property
    def cost_nanousd(self) -> int:
        """Price of all answers bought."""
        return sum(reply.cost_nanousd for reply in self.replies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A validated output, as JSON bytes."""

    output: bytes
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A dead letter is due."""

    disposition: Disposition
    failure: Failure
    progress: Progress = field(default_factory=Progress)


HeldReason = Literal[
    "rate_limit",
    "outage",
    "configuration",
    "retry",
    "context",
    "publish",  # Kafka does not take its end
    "spend",
    "breaker",  # the flood breaker of its class is open
    "claimed",  # another worker has it
    "alone",  # it may have killed workers, and waits until nothing else is in flight
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """No end: try again when `until` (monotonic seconds) has come."""

    until: float
    reason: HeldReason
    failure: Failure
    progress: Progress


Outcome = Completed | Failed | Held
