"""Dead letters that nobody has dealt with: what a mark does to the ledger. Pure."""

from collections.abc import Mapping

from schemas.claim import LetterMark
from schemas.workload import WorkloadClass

OpenLetters = Mapping[WorkloadClass, Mapping[str, int]]
"""By class: the source of each open letter, and after how many replays it was written."""


def after(mark: LetterMark, kept: int | None) -> int | None:
    """Return the replays of a source's open letter after a mark; None: it has none open."""
    if mark.is_open:
        return mark.replays if kept is None else max(kept, mark.replays)
    return None if kept is None or kept <= mark.replays else kept


class Ledger:
    """The open letters of one process."""

    def __init__(self) -> None:
        self._sources: dict[WorkloadClass, dict[str, int]] = {}

    def mark(self, mark: LetterMark) -> None:
        """Take in one mark."""
        sources = self._sources.setdefault(mark.workload, {})
        replays = after(mark, sources.pop(mark.source, None))
        if replays is not None:
            sources[mark.source] = replays

    def replace(self, open_letters: OpenLetters) -> None:
        """Forget what was known; these are all."""
        self._sources = {workload: dict(rows) for workload, rows in open_letters.items()}

    def counts(self) -> dict[WorkloadClass, int]:
        """Return how many are open in each class that has any."""
        return {workload: len(rows) for workload, rows in self._sources.items() if rows}
