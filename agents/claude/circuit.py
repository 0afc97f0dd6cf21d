"""While most calls of a model fail, one is tried now and then instead of all. No I/O.

The pattern: M. Nygard, "Release It!", 2007, chapter 5, Circuit Breaker. A circuit is closed (calls
go), open (nobody goes), or half open (one probe goes). What counts are the last answers: failures
are `Unavailable` and `Interrupted`. A 429 or another 4xx counts neither way: it shows that the API
lives, but comes from its front, which answers also while no model does. So it lets a probe close
the circuit, and never keeps one closed.
"""

import math
from collections import deque
from dataclasses import dataclass
from random import Random

WINDOW, WINDOW_S = 20, 60.0
OPENS_AT, LEAST_FAILURES = 0.5, 5
# Each failed probe makes the next wait longer; half of each at random, so that no two workers
# march in step.
PERIODS_S = (1.0, 2.0, 4.0, 5.0)
# An outage so soon after the last one is the same: its waits go on.
SAME_S = 10.0
# A `retry-after` of a failed call is obeyed up to this.
MOST_TOLD_S = 60.0
# A probe that hangs must not hold up the next one for longer.
PROBE_S = 10.0
# Those who wait come back over so long a time, not all in one moment.
SPREAD_S = 2.0
# Evidence that the API works: another record got its answer within so many seconds.
EVIDENCE_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """Leave for one call. It speaks only for the time between two changes of the circuit."""

    era: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """`begun`: it failed after the headers of a 200."""

    at: float
    failed: bool
    begun: bool = False


class Circuit:
    """The circuit of one model in one worker. Times are seconds of one monotonic clock."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ends: deque[_End] = deque(maxlen=WINDOW)
        self._era = self._openings = 0
        self._opened_at: float | None = None
        self._closed_at, self._until = -math.inf, 0.0
        self._probe: Pass | None = None
        self._probed_at = 0.0
        self._cuts = False
        # The newest answers of two records, so that there is one of another record for each.
        self._witnesses: deque[tuple[object, float]] = deque(maxlen=2)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "probing" if self._probe else "open"
        return f"Circuit({state}, {self.failures} of {len(self._ends)} failed)"

    @property
    def is_closed(self) -> bool:
        """Whether calls go."""
        return self._opened_at is None

    @property
    def failures(self) -> int:
        """Failed calls among the last."""
        return sum(end.failed for end in self._ends)

    @property
    def calls(self) -> int:
        """The last calls that count."""
        return len(self._ends)

    def open_s(self, now: float) -> float:
        """For how long calls have been held; 0: they are not."""
        return 0.0 if self._opened_at is None else now - self._opened_at

    def enter(self, now: float, held: Pass | None = None) -> Pass | None:
        """Return leave for a call, None: not now. `held` was given before a wait."""
        if self.is_closed:
            return held if held and held.era == self._era else Pass(self._era)
        if held and held is self._probe:
            return held
        if now < self._until or (self._probe and now - self._probed_at < PROBE_S):
            return None
        self._probe, self._probed_at = Pass(self._era), now
        return self._probe

    def is_probe(self, leave: Pass) -> bool:
        """Whether all others wait for what this call brings."""
        return leave is self._probe

    def leave(self, leave: Pass) -> None:
        """Give a pass back; a probe without an end makes room for another."""
        if leave is self._probe:
            self._probe = None

    def wait_s(self, now: float) -> float:
        """Return after how long one who was not let in should ask again."""
        left_s = self._until - now if now < self._until else SPREAD_S
        return left_s + self._random.uniform(0, SPREAD_S)

    def witness(self, record: object, now: float) -> None:
        """Take note of whose call was answered."""
        if self._witnesses and self._witnesses[-1][0] is record:
            self._witnesses.pop()
        self._witnesses.append((record, now))

    def answered(self, leave: Pass, now: float) -> bool:
        """Take note of a whole answer; True: that closed the circuit."""
        if self.is_closed and leave.era == self._era:
            self._add(_End(at=now, failed=False))
        return self.lives(leave, now)

    def begun(self, leave: Pass, now: float) -> bool:
        """Take note of the headers of a 200; they prove nothing after answers that were cut."""
        return not self._cuts and self.lives(leave, now)

    def lives(self, leave: Pass, now: float) -> bool:
        """Take note of any sign of life; True: it came to a probe and closed the circuit."""
        if self.is_closed or leave.era != self._era:
            return False
        self._era += 1
        self._opened_at, self._closed_at, self._probe = None, now, None
        self._ends.clear()
        return True

    def failed(self, leave: Pass, now: float, *, begun: bool = False, told_s: float = 0.0) -> bool:
        """Take note of a failure; True: that opened a closed circuit.

        What left before the last change says nothing of now: a call that hung in an outage fails
        when it is long over.
        """
        if leave.era != self._era:
            return False
        if not self.is_closed:
            if leave is self._probe:
                self._cuts = self._cuts or begun
                self._open(now, told_s)
            return False
        self._add(_End(at=now, failed=True, begun=begun))
        if self.failures < max(LEAST_FAILURES, OPENS_AT * len(self._ends)):
            return False
        self._cuts = any(end.begun for end in self._ends)
        if now - self._closed_at > SAME_S:
            self._openings = 0
        self._opened_at = now
        self._open(now, told_s)
        return True

    def accuses(self, leave: Pass, record: object, now: float) -> bool:
        """Whether a call that was interrupted speaks against its record, and not of an outage.

        Another record got its answer within the last minute; an earlier answer to this one is no
        evidence. And since the call left, no outage was seen.
        """
        others = (at for witness, at in self._witnesses if witness is not record)
        succeed = now - max(others, default=-math.inf) < EVIDENCE_S
        return succeed and self.is_closed and leave.era == self._era

    def _add(self, end: _End) -> None:
        while self._ends and end.at - self._ends[0].at > WINDOW_S:
            self._ends.popleft()
        self._ends.append(end)

    def _open(self, now: float, told_s: float) -> None:
        longest = PERIODS_S[min(self._openings, len(PERIODS_S) - 1)]
        wait_s = longest * self._random.uniform(0.5, 1)
        self._until = now + max(wait_s, min(told_s, MOST_TOLD_S))
        self._era += 1
        self._openings += 1
        self._probe = None
