"""Settings -> how the budgets are divided."""

from agents.budget.allocation import Allocation
from schemas.lease import PRIORITIES, Rules, nothing
from schemas.sections import Ceiling
from schemas.settings import Settings
from schemas.workload import WORKLOADS

FOUND_FROM_TRAFFIC = -1.0
# Replay stands below all classes: it keeps nothing free, and never starves either.
REPLAY_FLOOR = 0.05


def allocation_of(settings: Settings) -> Allocation:
    """Return the configured budgets; the limits of other models are learned."""
    return Allocation(
        budgets={limit.models: _rules(settings, limit) for limit in settings.budget.ceilings},
        other=_rules(settings, Ceiling()),
        max_usd_per_day=settings.budget.max_usd_per_day,
    )


def _rules(settings: Settings, ceiling: Ceiling) -> Rules:
    reserves, floors = [0.0] * PRIORITIES, [REPLAY_FLOOR] * PRIORITIES
    for workload, row in WORKLOADS.items():
        own = settings.classes.of(workload)
        reserves[row.priority] = FOUND_FROM_TRAFFIC if own.reserve == "auto" else own.reserve
        floors[row.priority] = own.floor
    limits = (
        ceiling.requests_per_minute,
        ceiling.input_tokens_per_minute,
        ceiling.output_tokens_per_minute,
    )
    ceilings = [float(limit or 0) for limit in limits] if any(limits) else nothing()
    return Rules(ceilings=ceilings, reserves=reserves, floors=floors)
