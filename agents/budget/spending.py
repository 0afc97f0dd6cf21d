"""The money guard: which classes wait when a day has cost too much. Pure."""

from schemas.workload import WorkloadClass

DAY_S = 86_400
NANO = 1_000_000_000

# From which part of `max_usd_per_day` on a class is held. The most important go on longest: what
# batch leaves is there for realtime. The last share is the maximum itself, so that it is kept, but
# for the calls that are in flight when it is reached. Replay is held with batch.
HELD_FROM: dict[WorkloadClass, float] = {
    WorkloadClass.BATCH: 0.80,
    WorkloadClass.TRANSACTIONAL: 0.90,
    WorkloadClass.INTERACTIVE: 0.95,
    WorkloadClass.REALTIME: 1.0,
}


def held(workload: WorkloadClass, spent_nanousd: int, max_usd: float) -> bool:
    """Decide whether calls of a class wait for the next UTC day; a maximum of 0 holds nobody."""
    return max_usd > 0 and spent_nanousd >= round(max_usd * HELD_FROM[workload] * NANO)


def seconds_left(now: float) -> float:
    """Return how long until the next UTC midnight; `now` is seconds since the epoch.

    A day of that clock has exactly 86,400 seconds: it knows no leap seconds.
    """
    return DAY_S - now % DAY_S


class Spending:
    """What all workers spent today, as far as this one knows, and whom that holds."""

    def __init__(self, max_usd: float = 0) -> None:
        self.max_usd = max_usd
        self._known, self._unreported = 0, 0

    def __repr__(self) -> str:
        return f"Spending(${self.spent_nanousd / NANO:.2f} of {self.max_usd:g})"

    @property
    def spent_nanousd(self) -> int:
        """Money spent on this UTC day by all workers."""
        return self._known + self._unreported

    def holds(self, workload: WorkloadClass) -> bool:
        """Whether calls of a class wait for the next UTC day."""
        return held(workload, self.spent_nanousd, self.max_usd)

    def add(self, nanousd: int) -> None:
        """Count the price of one call."""
        self._unreported += nanousd

    def take_unreported(self) -> int:
        """Return what the store has not been told, and count it as told."""
        taken, self._unreported = self._unreported, 0
        self._known += taken
        return taken

    def learn(self, total_nanousd: int) -> None:
        """Take over the day's sum of all workers."""
        self._known = total_nanousd
