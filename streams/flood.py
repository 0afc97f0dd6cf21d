"""When dead letters are a flood: a bad deploy must make lag, not a million of them. Pure."""

from collections import deque
from dataclasses import dataclass

# While the breaker is open one record is tried in so many seconds.
TRIAL_S = 10.0


@dataclass(slots=True)
class _Second:
    """The ends in one second of the clock."""

    at: int
    ends: int = 0
    dead: int = 0


class FloodBreaker:
    """Opens when `ratio` of at least `min_records` ends in `window_s` are dead letters.

    Times are seconds of one monotonic clock. Each end costs the same however many there are: they
    are counted by the second, so a window is up to a second shorter than `window_s`.
    """

    def __init__(self, ratio: float, min_records: int, window_s: float) -> None:
        self._ratio, self._min_records, self._window_s = ratio, min_records, window_s
        self._seconds: deque[_Second] = deque()
        self._ends = self._dead = 0
        self._tried_at: float | None = None

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"FloodBreaker({state}, {self._dead} of {self._ends} dead)"

    @property
    def is_open(self) -> bool:
        """Whether no dead letters may be written."""
        return self._tried_at is not None

    def ended(self, dead: bool, now: float) -> None:  # noqa: FBT001 - the end itself
        """Count an end; while the breaker is open nothing counts.

        The caller leaves out `DEADLINE_EXPIRED`, which comes of a backlog and is no sign of a bad
        deploy, and `close`s when a record that was let through as a trial ends with a result.
        """
        if self.is_open:
            return
        second = self._second(now)
        second.ends += 1
        second.dead += dead
        self._ends += 1
        self._dead += dead
        if self._ends >= self._min_records and self._dead >= self._ratio * self._ends:
            self._tried_at = now  # what opened it was trial enough

    def trial(self, now: float) -> bool:
        """Whether one record may be tried now; true once in ten seconds, and only while open."""
        if self._tried_at is None or now - self._tried_at < TRIAL_S:
            return False
        self._tried_at = now
        return True

    def close(self) -> None:
        """Let dead letters be written again, and begin to count anew."""
        self._seconds.clear()
        self._ends = self._dead = 0
        self._tried_at = None

    def _second(self, now: float) -> _Second:
        """Return the newest second, and forget those that the window has left behind."""
        seconds = self._seconds
        if not seconds or seconds[-1].at < int(now):
            seconds.append(_Second(int(now)))
        while seconds[0].at <= seconds[-1].at - self._window_s:
            gone = seconds.popleft()
            self._ends -= gone.ends
            self._dead -= gone.dead
        return seconds[-1]
