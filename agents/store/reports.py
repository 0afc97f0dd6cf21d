"""Workers' reports as the stores keep them."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from schemas.claim import Reset
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass

DAY_S = 86_400


def day(now: float) -> int:
    """Return the number of the UTC day; `now` is seconds since the epoch."""
    return int(now // DAY_S)


def encode(report: WorkerReport) -> bytes:
    """Return a report as it is kept."""
    return report.model_dump_json().encode()


def group(
    kept: Iterable[tuple[str, bytes]],
    spent_nanousd: int,
    open_letters: Mapping[str, int],
    resets: Mapping[str, Reset],
) -> Group:
    """Put together what was kept of the workers alive and, by class, of letters and breakers.

    Classes of another version are left out.
    """
    return Group(
        workers={worker: _decode(worker, report) for worker, report in kept},
        spent_nanousd=spent_nanousd,
        open_letters={w: open_letters[w] for w in WorkloadClass if open_letters.get(w)},
        resets={w: resets[w] for w in WorkloadClass if w in resets},
    )


def _decode(worker: str, report: bytes) -> WorkerReport:
    """Read a report. One of another version cannot be shown, but its worker still counts."""
    try:
        return WorkerReport.model_validate_json(report)
    except ValidationError:
        return WorkerReport(worker=worker, classes=(), budgets=())
