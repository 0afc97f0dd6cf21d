"""Faults of the lines between workers and brokers."""

from tests.chaos.fault import Blow, Fault

SLOW_S, DELAY_S = 15.0, 0.3
CUTS, BETWEEN_S = 6, (0.5, 3.0)


async def slow_lines(blow: Blow) -> list[str]:
    """Hold back everything between workers and brokers by 0.3 s each way, for 15 s."""
    proxies = blow.arena.cluster.proxies.values()
    for proxy in proxies:
        proxy.delay_s = DELAY_S
    try:
        await blow.arena.for_s(SLOW_S)
    finally:
        for proxy in proxies:
            proxy.delay_s = 0.0
    return []


async def cut_lines(blow: Blow) -> list[str]:
    """Cut all connections between workers and brokers, six times."""
    cut = 0
    for _ in range(CUTS):
        cut += sum(proxy.cut() for proxy in blow.arena.cluster.proxies.values())
        await blow.arena.for_s(blow.draw.uniform(*BETWEEN_S))
    return [] if cut else ["there was no connection to cut"]


FAULTS = (
    Fault(name="slow-lines", strike=slow_lines),
    Fault(name="cut-lines", strike=cut_lines),
)
