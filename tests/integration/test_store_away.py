"""Redis is killed under load, comes back, and is killed again before the workers end."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.simulator import Limits, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.arrivals import arrivals_s, overrun
from tests.harness import QUICK, Rig, event
from tests.redis_server import RedisServer
from tests.worker_process import WorkerProcess

BATCH = WorkloadClass.BATCH
PER_S, BURST_S = 40, 2
NARROW = SimulatorSettings(
    time_scale=QUICK.time_scale, limits=Limits(requests_per_minute=60 * PER_S, burst_s=BURST_S)
)
# Published, ended without Redis, and published before the end.
BACKLOG, ALONE, LATE = 480, 100, 40
# Leaving Kafka, Claude, a store that is away, and a busy machine come on top.
DRAIN_S, LEAVE_S = 5, 10


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def says(workers: tuple[WorkerProcess, ...], text: str) -> None:
    """Wait until all are ready and say this of themselves."""
    for worker in workers:
        await worker.until_page(lambda status, said: (status, said) == (200, text), "/readyz")


async def test_killed_redis_breaks_no_limit_and_loses_nothing(
    broker: LocalKafka, redis: RedisServer, tmp_path: Path
) -> None:
    toml = f'[store]\nurl = "{redis.url}"\n'
    async with Rig(tmp_path, broker.bootstrap, NARROW, toml) as rig:
        patience = {"HEADRACE_APP__DRAIN_S": str(DRAIN_S)}
        workers = (rig.worker("one", patience), rig.worker("other", patience))
        await asyncio.gather(*(worker.start("--classes", BATCH) for worker in workers))
        await rig.publish(BATCH, *(event(n) for n in range(BACKLOG)))
        await rig.outputs.until_more(2 * PER_S)

        redis.kill()
        await says(workers, "degraded: store\n")
        for worker in workers:
            await worker.until_metric(lambda n: n == 1, "alerts", kind="store")
        await rig.outputs.until_more(ALONE)
        redis.start()
        await says(workers, "ok\n")
        await check_alerts(rig)

        await rig.outputs.until_ended(rig.published)
        await check_nothing_is_lost(rig)
        check_limit(rig)
        redis.kill()
        await says(workers, "degraded: store\n")
        await check_workers_end_in_time(rig, workers)


async def check_alerts(rig: Rig) -> None:
    """Both told of the store; whoever does not lead handed that over at once."""
    alerts = await rig.alerts(3)  # in order of each id only: it is the key
    assert {alert.kind for alert in alerts} == {"store"}
    raised = {alert.id for alert in alerts if alert.state == "raised"}
    [cleared] = [alert.id for alert in alerts if alert.state == "cleared"]
    assert len(raised) == 2
    assert cleared in raised


async def check_nothing_is_lost(rig: Rig) -> None:
    await rig.outputs.read_up()
    joined = rig.join()
    assert (joined.lost, joined.double, joined.strangers) == ((), (), ())
    assert rig.outputs.letters == {}


def check_limit(rig: Rig) -> None:
    """No window holds more than 1.02 of the limit and the burst."""
    arrivals = arrivals_s(rig.simulator)
    assert overrun(arrivals, 1.02 * PER_S, BURST_S * PER_S) <= 0
    assert rig.simulator.ledger.totals().rejected_429 == 0


async def check_workers_end_in_time(rig: Rig, workers: tuple[WorkerProcess, ...]) -> None:
    """SIGTERM with work in hand and no store."""
    await rig.publish(BATCH, *(event(f"late-{n}") for n in range(LATE)))
    began = time.monotonic()
    assert await asyncio.gather(*(worker.end() for worker in workers)) == [0, 0]
    assert time.monotonic() - began < DRAIN_S + LEAVE_S
    assert await rig.committed_without_end(BATCH) == []
    for worker in workers:
        assert "Traceback" not in worker.log
