"""Workers' reports as the stores keep them."""

from collections.abc import Iterable

from pydantic import ValidationError

from schemas.standing import Group, WorkerReport

DAY_S = 86_400


def day(now: float) -> int:
    """Return the number of the UTC day; `now` is seconds since the epoch."""
    return int(now // DAY_S)


def encode(report: WorkerReport) -> bytes:
    """Return a report as it is kept."""
    return report.model_dump_json().encode()


def group(kept: Iterable[tuple[str, bytes]], spent_nanousd: int) -> Group:
    """Put together what was kept of the workers alive."""
    return Group(
        workers={worker: _decode(worker, report) for worker, report in kept},
        spent_nanousd=spent_nanousd,
    )


def _decode(worker: str, report: bytes) -> WorkerReport:
    """Read a report. One of another version cannot be shown, but its worker still counts."""
    try:
        return WorkerReport.model_validate_json(report)
    except ValidationError:
        return WorkerReport(worker=worker, classes=(), budgets=())
