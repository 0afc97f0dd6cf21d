"""The worker is killed between every two effects of a record; nothing is lost or doubled."""

import asyncio
from pathlib import Path

import pytest

from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests import crashing_worker
from tests.crashing_worker import POINTS, VARIABLE
from tests.harness import Rig, at_most, event
from tests.outputs import text

REALTIME = WorkloadClass.REALTIME
EVENTS, NTH = 12, 2
# One call at a time: what may be in the air at the crash is known.
IN_THE_AIR = 1
ONE = at_most(IN_THE_AIR)
SIDE_BY_SIDE = 4
# By the signal itself, or as the tether that holds the worker passes it on.
KILLED = (-9, 137)


@pytest.mark.parametrize("first", range(0, len(POINTS), SIDE_BY_SIDE))
async def test_a_crash_at_any_point_loses_nothing_and_pays_once(
    broker: LocalKafka, tmp_path: Path, first: int
) -> None:
    points = POINTS[first : first + SIDE_BY_SIDE]
    folders = [tmp_path / point.replace(" ", "_") for point in points]
    for folder in folders:
        folder.mkdir()
    await asyncio.gather(
        *(crash(broker, folder, point) for folder, point in zip(folders, points, strict=True))
    )


async def crash(broker: LocalKafka, folder: Path, point: str) -> None:
    """Let a worker die at the point, and another take over."""
    async with Rig(folder, broker.bootstrap) as rig:
        program = (str(Path(crashing_worker.__file__)),)
        here = {"PYTHONPATH": str(Path(__file__).parents[2])}
        doomed = rig.worker("doomed", ONE | here | {VARIABLE: f"{point}:{NTH}"}, program=program)
        await rig.publish(REALTIME, *(event(number) for number in range(EVENTS)))
        await doomed.launch()
        assert await doomed.gone() in KILLED, f"{point}: {doomed.log[-2000:]}"
        assert await rig.committed_without_end(REALTIME) == [], point
        await rig.worker("heir", ONE).start()
        await rig.outputs.until_ended(rig.published)
        await rig.outputs.read_up()
        joined = rig.join()
        assert (joined.lost, joined.strangers) == ((), ()), point
        assert not rig.outputs.letters, point
        for source in joined.double:
            assert len({text(r, "ce_id") for r in rig.outputs.results[source]}) == 1, point
        paid = rig.simulator.ledger.totals().admitted
        assert EVENTS <= paid <= EVENTS + IN_THE_AIR, point
