import pytest

from agents.alarms.advice import calmed, crossed, parts
from schemas.lease import Unit
from schemas.workload import WorkloadClass
from tests.builders import MODEL
from tests.standing_builders import BATCH, REALTIME, standing, using

INPUT = Unit.INPUT_TOKENS
USED_BY = {REALTIME: [1.0, 300_000.0, 0.0], BATCH: [9.0, 1_420_000.0, 0.0]}
BUSY = standing(used=[10.0, 1_720_000.0, 0.0], used_by=USED_BY, waiting={REALTIME: 2, BATCH: 118})


def test_use_is_told_by_class_as_a_part_of_the_limit() -> None:
    assert parts(BUSY, INPUT) == {REALTIME: 0.15, BATCH: 0.71}
    assert parts(standing(limits=[0.0] * 3, used_by=USED_BY), INPUT) == {}


def test_message_says_how_much_who_and_what_helps() -> None:
    assert crossed(BUSY, INPUT) == (
        f"{MODEL}: 86% of the input tokens a minute are used (1,720,000 of 2,000,000). "
        "batch uses 71% of it: lower its share ([classes.batch] max_in_flight) or move it "
        "off-peak; or ask for a higher limit in the Claude Console. "
        "Calls that wait: 2 realtime, 118 batch. "
        "realtime waits too: raise [classes.realtime] reserve."
    )


@pytest.mark.parametrize("workload", [REALTIME, WorkloadClass.INTERACTIVE])
def test_classes_with_people_waiting_are_not_told_to_come_later(workload: WorkloadClass) -> None:
    used = [900.0, 0.0, 0.0]
    said = crossed(standing(used=used, used_by={workload: used}), Unit.REQUESTS)
    assert f"{workload} uses 90% of it: ask for a higher limit" in said
    assert "off-peak" not in said
    assert "wait" not in said


def test_use_of_a_replay_alone_has_no_class() -> None:
    said = crossed(standing(used=[900.0, 0.0, 0.0]), Unit.REQUESTS)
    assert said == f"{MODEL}: 90% of the requests a minute are used (900 of 1,000)."


def test_all_models_of_a_budget_are_named() -> None:
    shared = using(0.5, models=("haiku", "sonnet"))
    assert calmed(shared, Unit.REQUESTS) == (
        "haiku, sonnet: use of requests a minute is back at 50%."
    )
