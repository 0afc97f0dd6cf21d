"""What the settings allow: the budgets, their rules, and the money of a day."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.lease import Rules, nothing


def _learned() -> Rules:
    return Rules(ceilings=nothing())


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The rules of each budget, by its models; `other` are those of any other model.

    A `max_usd_per_day` of 0 is no maximum.
    """

    budgets: Mapping[tuple[str, ...], Rules] = field(default_factory=dict)
    other: Rules = field(default_factory=_learned)
    max_usd_per_day: float = 0.0
