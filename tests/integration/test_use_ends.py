"""What test_alerts.py saw begin is over after a minute, which passes under the other tests."""

import pytest

from tests.shift import Shift


async def test_held_records_go_on_when_the_key_is_right(shift: Shift) -> None:
    shift.rig.simulator.clear_faults()  # a call is tried every minute
    await shift.rig.outputs.until_ended(shift.held)
    await shift.rig.outputs.read_up()
    assert shift.rig.outputs.letters == {}
    assert (shift.rig.join().lost, shift.rig.join().double) == ((), ())


@pytest.mark.parametrize("kind", ["budget_use", "budget_closed"])
async def test_alert_is_cleared_under_its_id(shift: Shift, kind: str) -> None:
    cleared = await shift.alert(kind, "cleared")
    raised = await shift.alert(kind, "raised")
    assert cleared.id == raised.id
    assert cleared.at > raised.at
    assert await shift.worker.metric("alerts", kind=kind) == 0
