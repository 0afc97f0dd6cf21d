import pytest

from agents.budget.spending import held, seconds_left
from schemas.workload import WorkloadClass

DOLLAR = 1_000_000_000
MIDNIGHT = 1_795_305_600.0  # 2026-11-22T00:00:00Z


@pytest.mark.parametrize(
    ("spent_usd", "waiting"),
    [
        (7.99, ""),
        (8, "batch"),
        (8.99, "batch"),
        (9, "transactional batch"),
        (9.5, "interactive transactional batch"),
        (9.99, "interactive transactional batch"),
        (10, "realtime interactive transactional batch"),
        (1000, "realtime interactive transactional batch"),
    ],
)
def test_least_important_classes_wait_first(spent_usd: float, waiting: str) -> None:
    spent = round(spent_usd * DOLLAR)
    assert " ".join(w for w in WorkloadClass if held(w, spent, 10)) == waiting


def test_no_maximum_holds_nobody() -> None:
    assert not any(held(workload, 10**15, 0) for workload in WorkloadClass)


def test_a_maximum_below_a_cent_is_kept() -> None:
    assert held(WorkloadClass.REALTIME, 2_000_000, 0.002)
    assert not held(WorkloadClass.BATCH, 0, 0.002)


@pytest.mark.parametrize(
    ("after_midnight_s", "left_s"), [(0, 86_400), (1, 86_399), (86_399.5, 0.5), (86_400, 86_400)]
)
def test_day_ends_at_midnight_in_utc(after_midnight_s: float, left_s: float) -> None:
    assert seconds_left(MIDNIGHT + after_midnight_s) == left_s
