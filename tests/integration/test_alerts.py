"""A limit that is nearly used up and a key that is refused: people are told."""

from schemas.lease import Unit
from tests.shift import BATCH, LIMIT, REFUSED, SMALL, USED, Shift


async def test_use_above_the_threshold_is_told(shift: Shift) -> None:
    raised = await shift.alert("budget_use", "raised")
    assert (raised.model, raised.unit) == (SMALL, Unit.REQUESTS)
    assert raised.ratio == USED / LIMIT
    assert raised.by_class[BATCH] == USED / LIMIT
    assert await shift.worker.metric("alerts", kind="budget_use") == 1
    assert raised.message in shift.worker.log


async def test_refused_key_holds_and_is_told(shift: Shift) -> None:
    raised = await shift.alert("budget_closed", "raised")
    assert raised.model == REFUSED
    assert (await shift.budgets())[REFUSED]["closed_for"] == "configuration"
    assert await shift.worker.metric("budget_closed", model=REFUSED) == 1
    assert await shift.worker.metric("budget_closed", model=SMALL) == 0
    shift.rig.simulator.clear_faults()  # what comes of that, test_use_ends.py sees
