"""A short, seeded part of `make chaos`, on the one broker of this session."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from streams.local.kafka import LocalKafka
from tests.chaos.arena import Arena
from tests.chaos.cast import Cast
from tests.chaos.catalogue import FAULTS
from tests.chaos.cluster import Ground
from tests.chaos.fault import Blow, Fault
from tests.chaos.faults.workers import kill_often
from tests.chaos.trial import Trial

SEED, KILLS = 5, 3
NAMED = {fault.name: fault for fault in FAULTS}


async def killed_a_few_times(blow: Blow) -> list[str]:
    return await kill_often(blow, KILLS)


@pytest.fixture(scope="module")
async def arena(
    broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Arena]:
    folder: Path = tmp_path_factory.mktemp("chaos")
    cast = Cast(workers=2, static=True)
    async with Arena(folder, Ground(broker), cast) as made:
        yield made


@pytest.mark.parametrize(
    "fault",
    [
        replace(NAMED["mixed-5-percent"], strike=killed_a_few_times, recover_s=30),
        NAMED["redis-killed"],
    ],
    ids=lambda fault: fault.name,
)
async def test_every_promise_holds(arena: Arena, fault: Fault) -> None:
    row = await Trial(fault, arena, seed=SEED).run()
    assert row.inputs > 100
    assert row.verdict == "ok"
