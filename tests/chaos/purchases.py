"""What was paid for, by the simulator's ledger, held against what had to be paid for; pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.simulator import LedgerEntry

MARKER = re.compile(r"\(([a-z0-9-]+-\d{6})\)")
# An answer is written to the journal within this time.
JOURNAL_S = 0.5
EARLY_S = 0.05
PATIENCE_SLACK_S = 0.3

# Unix seconds: calls in the air were lost at some time between the two.
Moment = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """Answers bought. `unexplained` were bought or begun before, and no worker was lost with them.

    `again` were lost with a worker before they were in its journal. `repairs` ask about an earlier
    answer. `spoiled` were made useless by a scripted fault. `abandoned` had nobody left to
    take them: a worker was lost, or its patience was over.
    """

    answered: int = 0
    again: int = 0
    repairs: int = 0
    spoiled: int = 0
    abandoned: int = 0
    unexplained: int = 0
    names: tuple[str, ...] = ()

    @property
    def paid(self) -> int:
        """Everything that was paid for."""
        return self.answered + self.spoiled + self.abandoned


def purchases(
    entries: Iterable[LedgerEntry],
    copies: Mapping[str, int],
    moments: Sequence[Moment],
    timeout_s: float,
) -> Purchases:
    """Sort all requests that the limits admitted.

    `copies`: how often an event's answer is due, by its marker. `moments`: when workers were lost.
    `timeout_s`: how long a worker waits for a call.
    """
    admitted = [entry for entry in entries if entry.admitted]
    good = [entry for entry in admitted if entry.decision == "admitted" and entry.completed]
    by_marker: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in good:
        if marker := _marker(entry):
            by_marker[marker].append(entry)
    extra = {
        marker: (len(found) - copies.get(marker, 0), sum(_was_lost(e, moments) for e in found))
        for marker, found in by_marker.items()
        if len(found) > copies.get(marker, 0)
    }
    abandoned = [e for e in admitted if e.decision == "admitted" and not e.completed]
    unexplained = Counter({m: max(0, more - lost) for m, (more, lost) in extra.items()})
    unexplained.update(
        f"abandoned {_marker(entry)}"
        for entry in abandoned
        if not _was_lost(entry, moments)
        and entry.finished_s - entry.arrived_s < timeout_s - PATIENCE_SLACK_S
    )
    return Purchases(
        answered=len(good),
        again=sum(min(more, lost) for more, lost in extra.values()),
        repairs=len(good) - sum(len(found) for found in by_marker.values()),
        spoiled=sum(entry.decision != "admitted" for entry in admitted),
        abandoned=len(abandoned),
        unexplained=unexplained.total(),
        names=tuple(sorted(+unexplained)),
    )


def _marker(entry: LedgerEntry) -> str:
    found = MARKER.search(entry.last_user_text)
    return found[1] if found else ""


def _was_lost(entry: LedgerEntry, moments: Sequence[Moment]) -> bool:
    """Whether a worker was lost while this call was in the air or not yet in the journal."""
    arrived = entry.arrived_at - EARLY_S
    finished = entry.arrived_at + entry.finished_s - entry.arrived_s + JOURNAL_S
    return any(arrived <= end and begin <= finished for begin, end in moments)
