"""Why a call was not made."""

from agents.claude.retry import GiveUp
from schemas.dead_letter import Disposition, Stage
from schemas.outcome import Failure

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


CLOSED = Failure(
    stage=Stage.RESERVE,
    error_class="BudgetClosed",
    error_type="budget_closed",
    message="the model's budget is closed",
)


TOO_EXPENSIVE = Failure(
    stage=Stage.RESERVE,
    error_class="SpendingHeld",
    error_type="max_usd_per_day",
    message="today's calls cost as much as max_usd_per_day allows this class",
)
