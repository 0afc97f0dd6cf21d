"""Whose fault is it, and what follows: a pure decision about a failed call."""

from dataclasses import dataclass
from random import Random

from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
)
from schemas.dead_letter import Disposition, Stage
from schemas.outcome import Failure, HeldReason

# In an outage the circuit of the model waits for all; a record that was told so before it opened
# is back ten seconds after the end at the latest.
BASE_S, CAP_S = 0.5, 10.0
PROBE_S = 60.0
# A record may fail this often by its own fault after the first try.
RECORD_RETRIES = 2
# Workers spread their return over a tenth of the wait, upward only.
SPREAD = 0.1
# What a 429 without `retry-after` costs.
DEFAULT_RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again after a wait. `close_s`: nobody may call this model for so long."""

    after_s: float
    reason: HeldReason
    failure: Failure
    counts: bool = False
    close_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Trying again would not help."""

    disposition: Disposition
    failure: Failure
    counts: bool = True


def decide(
    error: ClaudeError,
    *,
    record_attempts: int,
    dependency_attempts: int,
    others_succeed: bool,
    random: Random,
) -> Retry | GiveUp:
    """Apply the retry table.

    `others_succeed`: the model answers other records, so that what interrupts this one is its own.
    """
    failure = _failure(error)
    if isinstance(error, RequestRejected):
        too_large = error.status == 413  # noqa: PLR2004 - the HTTP status says what it is
        disposition = Disposition.TOO_LARGE if too_large else Disposition.REQUEST_REJECTED
        return GiveUp(disposition=disposition, failure=failure)
    if isinstance(error, RateLimited):
        wait = error.retry_after_s or DEFAULT_RETRY_AFTER_S
        after = wait * random.uniform(1, 1 + SPREAD)
        return Retry(after_s=after, reason="rate_limit", failure=failure, close_s=wait)
    if isinstance(error, Misconfigured):
        after = PROBE_S * random.uniform(1, 1 + SPREAD)
        return Retry(after_s=after, reason="configuration", failure=failure, close_s=PROBE_S)
    if isinstance(error, Interrupted) and others_succeed:
        return again(failure, record_attempts, random)
    told = (error.retry_after_s or 0.0) * random.uniform(1, 1 + SPREAD)
    wait = max(told, backoff_s(dependency_attempts, random))
    return Retry(after_s=wait, reason="outage", failure=failure)


def again(failure: Failure, record_attempts: int, random: Random) -> Retry | GiveUp:
    """Give a record that failed by itself its further tries, then give up."""
    if record_attempts >= RECORD_RETRIES:
        return GiveUp(disposition=Disposition.ATTEMPTS_EXHAUSTED, failure=failure)
    wait = backoff_s(record_attempts, random)
    return Retry(after_s=wait, reason="retry", failure=failure, counts=True)


def backoff_s(attempts: int, random: Random) -> float:
    """Return an exponential delay with full jitter, so that workers never march in step.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random.uniform(0.1, 1.0) * min(CAP_S, BASE_S * 2.0 ** min(attempts, 16))


def _failure(error: ClaudeError) -> Failure:
    return Failure(
        stage=Stage.CALL,
        error_class=type(error).__name__,
        error_type=error.error_type or (str(error.status) if error.status else "connection"),
        message=str(error),
    )
