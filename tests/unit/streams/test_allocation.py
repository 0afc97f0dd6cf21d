from typing import Any

import pytest

from schemas.lease import PRIORITIES, Rules
from schemas.sections import Budget
from schemas.settings import Settings
from schemas.workload import WORKLOADS, WorkloadClass
from streams.allocation import FOUND_FROM_TRAFFIC, REPLAY_FLOOR, allocation_of
from tests.builders import MODEL

OTHER = "claude-opus-5-5"
REPLAY = PRIORITIES - 1


def rules(**classes: Any) -> Rules:  # noqa: ANN401 - sections as a settings file has them
    """Return the rules of a model without limits."""
    return allocation_of(Settings(classes=classes)).other


def test_every_class_has_its_reserve_and_floor_at_its_priority() -> None:
    found = rules(
        realtime={"reserve": 0.2, "floor": 0.5},
        interactive={"reserve": 0},
        batch={"floor": 0.01},
    )
    assert found.reserves == [0.2, 0.0, FOUND_FROM_TRAFFIC, FOUND_FROM_TRAFFIC, 0.0]
    assert found.floors == [0.5, 0.05, 0.05, 0.01, REPLAY_FLOOR]


def test_replay_keeps_nothing_free_and_does_not_starve() -> None:
    assert REPLAY not in {row.priority for row in WORKLOADS.values()}
    found = rules(**{workload: {"reserve": 1, "floor": 0} for workload in WorkloadClass})
    assert (found.reserves[REPLAY], found.floors[REPLAY]) == (0.0, REPLAY_FLOOR)


@pytest.mark.parametrize(
    ("given", "ceilings"),
    [
        ({"requests_per_minute": 50}, [50.0, 0.0, 0.0]),
        ({"output_tokens_per_minute": 8000}, [0.0, 0.0, 8000.0]),
        (
            {
                "requests_per_minute": 1,
                "input_tokens_per_minute": 2,
                "output_tokens_per_minute": 3,
            },
            [1.0, 2.0, 3.0],
        ),
        ({}, [0.0, 0.0, 0.0]),
    ],
)
def test_unit_without_a_limit_has_none(given: dict[str, int], ceilings: list[float]) -> None:
    budget = Budget.model_validate({"models": {MODEL: given}})
    found = allocation_of(Settings(budget=budget))
    assert found.budgets[MODEL,].ceilings == ceilings


def test_models_of_one_limit_stay_together_and_others_are_learned() -> None:
    limit = {"models": [MODEL, OTHER], "requests_per_minute": 50}
    budget = Budget.model_validate({"limits": [limit], "max_usd_per_day": 12.5})
    found = allocation_of(Settings(budget=budget))
    assert list(found.budgets) == [(MODEL, OTHER)]
    assert found.other.ceilings == [0.0, 0.0, 0.0]
    assert found.other.floors == found.budgets[MODEL, OTHER].floors
    assert found.max_usd_per_day == 12.5
