"""Two workers on one Redis: one limit, used up, and nobody turned away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.simulator import Limits, SimulatorSettings
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.arrivals import arrivals_s, rate
from tests.harness import QUICK, Rig, event
from tests.redis_server import RedisServer
from tests.worker_process import WorkerProcess

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
CLASSES = ("--classes", f"{REALTIME},{BATCH}")
PER_S = 40
NARROW = SimulatorSettings(
    time_scale=QUICK.time_scale, limits=Limits(requests_per_minute=60 * PER_S, burst_s=2)
)
BACKLOG, LIVE = 440, 20
# The first second finds the limit, the last one has no full line any more.
BEGINNING_S, END_S = 1.5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of two workers whose batch class had more work than the limit allows."""

    rig: Rig
    workers: tuple[WorkerProcess, ...]
    budget: Any

    async def metric(self, name: str, **labels: str) -> float:
        """Sum of both workers."""
        return sum([await worker.metric(name, **labels) for worker in self.workers])


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


async def live(rig: Rig) -> None:
    """Send realtime events one after another."""
    for number in range(LIVE):
        [source] = await rig.publish(REALTIME, event(f"live-{number}"))
        await rig.outputs.until_ended([source])


@pytest.fixture(scope="module")
async def seen(
    broker: LocalKafka, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Seen]:
    store = f'[store]\nurl = "{redis.url}"\n'
    folder: Path = tmp_path_factory.mktemp("shared")
    async with Rig(folder, broker.bootstrap, NARROW, store) as rig:
        workers = (rig.worker("one"), rig.worker("other"))
        await asyncio.gather(*(worker.start(*CLASSES) for worker in workers))
        await rig.publish(BATCH, *(event(n) for n in range(BACKLOG)))
        await workers[0].until_metric(lambda n: n > 0, "budget_waiting_calls", workload=BATCH)
        shown, _ = await asyncio.gather(rig.headrace("budget", "--json"), live(rig))
        await rig.outputs.until_ended(rig.published)
        yield Seen(rig=rig, workers=workers, budget=orjson.loads(shown.out))


async def test_nothing_is_turned_away_lost_or_done_twice(seen: Seen) -> None:
    await seen.rig.outputs.read_up()
    joined = seen.rig.join()
    assert (joined.lost, joined.double, joined.strangers) == ((), (), ())
    assert seen.rig.outputs.letters == {}
    totals = seen.rig.simulator.ledger.totals()
    assert (totals.rejected_429, totals.admitted) == (0, BACKLOG + LIVE)


async def test_limit_is_used_by_both_together(seen: Seen) -> None:
    arrivals = arrivals_s(seen.rig.simulator)
    used = rate(arrivals, arrivals[0] + BEGINNING_S, arrivals[-1] - END_S)
    assert used >= 0.9 * PER_S
    for worker in seen.workers:
        assert await worker.metric("records_received_total", workload=BATCH) > 0


async def test_realtime_hardly_waits_while_batch_stands_in_line(seen: Seen) -> None:
    name = "budget_wait_seconds"
    count = await seen.metric(f"{name}_count", workload=REALTIME)
    quick = await seen.metric(f"{name}_bucket", workload=REALTIME, le="0.25")
    assert count == LIVE
    assert quick >= 0.9 * count  # a busy machine holds up one or the other
    waited_s = await seen.metric(f"{name}_sum", workload=BATCH)
    assert waited_s / await seen.metric(f"{name}_count", workload=BATCH) > 0.25


async def test_budget_command_shows_who_waits(seen: Seen) -> None:
    row = seen.budget
    assert (row["models"], row["workers"]) == (["claude-haiku-5-5"], 2)
    assert row["waiting"]["batch"] > 0
    assert row["waiting"]["realtime"] <= 1  # none, or the one that came this moment
    requests = row["units"]["requests"]
    assert requests["limit"] == 60 * PER_S
    assert requests["by_class"]["batch"] > requests["by_class"]["realtime"]
