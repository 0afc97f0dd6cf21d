"""Why a call was not made."""

from random import Random

from agents.budget.spending import seconds_left
from agents.claude.retry import SPREAD, GiveUp, Retry
from schemas.dead_letter import Disposition, Stage
from schemas.outcome import Failure, HeldReason

# How long a record that the money guard holds sleeps before it looks again.
SPENT_S = 60.0

EXPIRED = GiveUp(
    disposition=Disposition.DEADLINE_EXPIRED,
    failure=Failure(
        stage=Stage.RESERVE,
        error_class="Expired",
        error_type="deadline_expired",
        message="the event expired before its call",
    ),
    counts=False,
)


def closed(opens_in_s: float, reason: HeldReason, random: Random) -> Retry:
    """Come back when the model's budget opens."""
    failure = Failure(
        stage=Stage.RESERVE,
        error_class="BudgetClosed",
        error_type="budget_closed",
        message="the model's budget is closed",
    )
    after_s = opens_in_s * random.uniform(1, 1 + SPREAD)
    return Retry(after_s=after_s, reason=reason, failure=failure)


def held_by_outage(after_s: float) -> Retry:
    """Come back when the model's circuit lets the next call through."""
    failure = Failure(
        stage=Stage.RESERVE,
        error_class="CircuitOpen",
        error_type="circuit_open",
        message="most of the last calls to the model failed",
    )
    return Retry(after_s=after_s, reason="outage", failure=failure)


def too_expensive(now: float, random: Random) -> Retry:
    """Look again when a new day may have begun; `now` is seconds since the epoch."""
    failure = Failure(
        stage=Stage.RESERVE,
        error_class="SpendingHeld",
        error_type="max_usd_per_day",
        message="today's calls cost as much as max_usd_per_day allows this class",
    )
    after_s = min(SPENT_S, seconds_left(now)) * random.uniform(1, 1 + SPREAD)
    return Retry(after_s=after_s, reason="spend", failure=failure)
