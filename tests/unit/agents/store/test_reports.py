from agents.store import reports
from schemas.claim import Reset
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass
from tests.store_builders import report


def test_reports_come_back_as_they_were() -> None:
    kept = [("w1", reports.encode(report("w1")))]
    reset = Reset(number=2, accept=True)
    assert reports.group(kept, 5, {"batch": 3}, {"realtime": reset}) == Group(
        workers={"w1": report("w1")},
        spent_nanousd=5,
        open_letters={WorkloadClass.BATCH: 3},
        resets={WorkloadClass.REALTIME: reset},
    )


def test_classes_of_another_version_are_left_out() -> None:
    reset = Reset(number=1, accept=False)
    group = reports.group([], 0, {"nightly": 3, "batch": 0}, {"nightly": reset})
    assert group == Group(workers={})


def test_worker_of_another_version_still_counts() -> None:
    group = reports.group([("w1", b'{"worker":"w1","mood":"good"}')], 0, {}, {})
    assert group.workers == {"w1": WorkerReport(worker="w1", classes=(), budgets=())}
