"""Who of those waiting may go: `pool_line.lua` in Python."""

import math

from agents.store.stock import UNITS3, Head, Member, Stock
from agents.store.terms import Terms
from schemas.lease import Amounts, Ask, Want, nothing

HAIR = 1e-6
"""Floats must not leave a waiter a hair short of its grant."""
MOST_SAVED = 0.5
"""The largest part of a bucket that lower classes may save up for one large call."""
PROBE_S = 10.0
"""How long the others wait for a probe that hangs."""
WAITING_S = 1.0
"""A worker that waits asks more often than this."""


def heads(pool: Stock, but: str = "") -> list[Head]:
    """Return who waits, in the order of the line; `but` is a worker that does not count."""
    waiting = [
        head
        for worker, member in pool.members.items()
        if worker != but and pool.at - member.seen < WAITING_S
        for head in member.heads
    ]
    return sorted(waiting, key=lambda head: (head[0], head[1]))


def take(pool: Stock, priority: int, need: Amounts, own: Amounts) -> None:
    """Charge a need; what its class has saved up for it (`own`) goes first."""
    for u in UNITS3:
        pool.charged[u] += need[u]
        pool.flows[priority][u] += need[u]
        from_saved = min(own[u], need[u])
        pool.saved[priority][u] -= from_saved
        pool.levels[u] -= need[u] - from_saved


def grant(pool: Stock, terms: Terms, ask: Ask, member: Member) -> tuple[list[int], float | None]:
    """Let the heads of the line go: class, then deadline, all units or none. Never by size.

    What a head that has to wait needs is saved up for: nobody behind it may take it, neither here
    nor in another worker.
    """
    if pool.closed_until > pool.at:
        return [], _wait(ask, member, pool.closed_until - pool.at)
    if pool.probing:
        return _probe(pool, terms, ask, member)
    granted: list[int] = []
    looks: list[float] = []
    blocked: set[int] = set()
    claimed: set[int] = set()
    ahead = nothing()
    others = heads(pool, ask.worker)
    for position, want in enumerate(ask.wants):
        if want.priority in blocked:
            continue
        while others and (others[0][0], others[0][1]) < (want.priority, want.deadline):
            priority, _, need = others.pop(0)
            ahead = _plus(ahead, terms, priority, need)
            claimed.add(priority)
        # What a class has saved is for its first head, in whichever worker that waits.
        own = nothing() if want.priority in claimed else list(pool.saved[want.priority])
        wait_s = _wait_s(pool, terms, ask, want, ahead, own)
        if wait_s <= 0:
            take(pool, want.priority, want.need, own)
            granted.append(position)
            continue
        blocked.add(want.priority)
        member.heads.append((want.priority, want.deadline, want.need))
        ahead = _plus(ahead, terms, want.priority, want.need)
        looks.append(wait_s)
    return granted, min(looks, default=None)


def _probe(pool: Stock, terms: Terms, ask: Ask, member: Member) -> tuple[list[int], float | None]:
    """Let one call go alone; the others wait for what it brings."""
    if pool.prober and pool.at < pool.probe_until:
        return [], _wait(ask, member, pool.probe_until - pool.at)
    if not ask.wants:
        return [], None
    want = ask.wants[0]
    own = list(pool.saved[want.priority])
    wait_s = _wait_s(pool, terms, ask, want, nothing(), own)
    if wait_s > 0:
        return [], _wait(ask, member, wait_s)
    take(pool, want.priority, want.need, own)
    pool.prober, pool.probe_until = ask.worker, pool.at + PROBE_S
    return [0], _wait(ask, member, PROBE_S, first=1)


def _wait(ask: Ask, member: Member, wait_s: float, first: int = 0) -> float | None:
    """Take note of the heads that wait for all the same reason."""
    seen: set[int] = set()
    for want in ask.wants[first:]:
        if want.priority not in seen:
            seen.add(want.priority)
            member.heads.append((want.priority, want.deadline, want.need))
    return wait_s if seen else None


def _wait_s(pool: Stock, terms: Terms, ask: Ask, want: Want, ahead: Amounts, own: Amounts) -> float:
    """Return how long until a want fits beside what is kept free and saved up for others.

    Nobody goes on savings while the bucket is in debt: what the class saved (`own`) is not there.
    """
    wait_s = 0.0
    floor = ask.rules.floors[want.priority]
    for u in UNITS3:
        if not terms.limits[u]:
            continue
        need = _capped(terms, want.priority, want.need[u], u)
        debt = max(0.0, -pool.levels[u])
        stock = pool.levels[u] - terms.cushions[u] - terms.keeps[want.priority][u] - ahead[u]
        missing = need - max(0.0, own[u] - debt) - max(0.0, stock)
        if missing > terms.rates[u] * HAIR:
            by_refill = (need - own[u] - stock) / terms.rates[u]
            saved_enough = min(need, MOST_SAVED * terms.capacities[u]) - own[u]
            by_floor = saved_enough / (terms.rates[u] * floor) if floor else math.inf
            if max(saved_enough, debt) > terms.rates[u] * HAIR or not want.priority:
                wait_s = max(wait_s, min(by_refill, max(by_floor, debt / terms.rates[u])))
    return wait_s


def _capped(terms: Terms, priority: int, need: float, u: int) -> float:
    """Return what must be there: a call larger than the bucket waits for a full one."""
    most = terms.tops[u] - terms.cushions[u] - terms.keeps[priority][u]
    return min(need, max(0.0, most))


def _plus(ahead: Amounts, terms: Terms, priority: int, need: Amounts) -> Amounts:
    return [ahead[u] + _capped(terms, priority, need[u], u) for u in UNITS3]
