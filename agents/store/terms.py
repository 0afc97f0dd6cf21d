"""What limits and rules come to at this moment: `pool_terms.lua` in Python."""

import math
from dataclasses import dataclass

from agents.store.stock import UNITS3, Stock
from schemas.lease import PRIORITIES, Amounts, Ask, nothing

MINUTE_S = 60.0
CUSHION_S, MOST_CUSHION = 0.5, 0.1
"""Stock never spent, in seconds of refill and at most this part of the bucket: requests do not
arrive in the rhythm in which they left, and others may use the same key."""
FLOW_S = 5.0
"""Traffic is averaged over about so long."""
RESERVE_S, MOST_RESERVE = 1.0, 0.05
"""An `auto` reserve holds what its class takes in a second, at most this part of the bucket."""


@dataclass(slots=True, kw_only=True)
class Terms:
    """Limits a minute (0: none known), rates a second, and the parts of the buckets.

    `keeps[p]` is the stock kept free for the classes above priority p, `tops` the highest levels.
    """

    limits: Amounts
    rates: Amounts
    capacities: Amounts
    cushions: Amounts
    saved: Amounts
    tops: Amounts
    keeps: list[Amounts]

    @classmethod
    def of(cls, pool: Stock, ask: Ask) -> "Terms":
        """Work them out."""
        limits, rates = nothing(), nothing()
        capacities = [math.inf] * 3
        for u in UNITS3:
            told = [limit for limit in (ask.rules.ceilings[u], pool.heard[u]) if limit]
            limits[u] = min(told, default=0.0) * ask.share * pool.pace
            rates[u] = limits[u] / MINUTE_S
            if limits[u]:
                capacities[u] = max(1.0, rates[u] * pool.bursts_s[u])
        cushions = [min(rates[u] * CUSHION_S, capacities[u] * MOST_CUSHION) for u in UNITS3]
        saved = [sum(saved[u] for saved in pool.saved) for u in UNITS3]
        return cls(
            limits=limits,
            rates=rates,
            capacities=capacities,
            cushions=cushions,
            saved=saved,
            tops=[capacities[u] - saved[u] for u in UNITS3],
            keeps=_keeps(pool, ask, capacities),
        )


def _keeps(pool: Stock, ask: Ask, capacities: Amounts) -> list[Amounts]:
    """Add up the reserves of the classes above each class."""
    keeps = [nothing()]
    for priority in range(PRIORITIES):
        row = list(keeps[-1])
        for u in UNITS3:
            if capacities[u] < math.inf:
                part = ask.rules.reserves[priority]
                expected = pool.flows[priority][u] / FLOW_S * RESERVE_S
                auto = min(expected, MOST_RESERVE * capacities[u])
                row[u] += auto if part < 0 else part * capacities[u]
        keeps.append(row)
    return keeps
