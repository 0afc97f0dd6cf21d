"""Faults of the brokers themselves."""

from schemas.workload import WorkloadClass
from tests.chaos.arena import PARTITIONS
from tests.chaos.fault import Blow, Fault

AWAY_S, BETWEEN_S = 8.0, 3.0
MINUTE_S = 60.0


async def leader_killed(blow: Blow) -> list[str]:
    """Kill -9 the leader of an input partition, start it again."""
    topic = blow.arena.names.input(WorkloadClass.REALTIME)
    partition = blow.draw.randrange(PARTITIONS)
    await _killed(blow, await blow.arena.cluster.leader(topic, partition))
    return []


async def controller_killed(blow: Blow) -> list[str]:
    """Kill -9 the active controller, start it again."""
    await _killed(blow, blow.arena.cluster.controller())
    return []


async def rolling_restart(blow: Blow) -> list[str]:
    """Stop and start one broker after the other, as an upgrade does."""
    for node in blow.draw.sample(blow.arena.cluster.nodes, 3):
        await blow.arena.cluster.shut_down(node)
        await blow.arena.cluster.start_again(node)
        await blow.arena.for_s(BETWEEN_S)
    return []


async def no_broker(blow: Blow) -> list[str]:
    """Kill all brokers, start them again after 60 s."""
    cluster = blow.arena.cluster
    await cluster.kill(*cluster.nodes)
    await blow.arena.for_s(MINUTE_S)
    await cluster.start_again(*cluster.nodes)
    return []


async def _killed(blow: Blow, node: int) -> None:
    await blow.arena.cluster.kill(node)
    await blow.arena.for_s(AWAY_S)
    await blow.arena.cluster.start_again(node)


FAULTS = (
    Fault(name="leader-killed", strike=leader_killed),
    Fault(name="controller-killed", strike=controller_killed),
    Fault(name="rolling-restart", strike=rolling_restart),
    Fault(name="no-broker-60s", strike=no_broker, recover_s=30, settle_s=90),
)
