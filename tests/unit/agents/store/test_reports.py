from agents.store import reports
from schemas.standing import Group, WorkerReport
from tests.store_builders import report


def test_reports_come_back_as_they_were() -> None:
    kept = [("w1", reports.encode(report("w1")))]
    assert reports.group(kept, 5) == Group(workers={"w1": report("w1")}, spent_nanousd=5)


def test_worker_of_another_version_still_counts() -> None:
    group = reports.group([("w1", b'{"worker":"w1","mood":"good"}')], 0)
    assert group.workers == {"w1": WorkerReport(worker="w1", classes=(), budgets=())}
