"""How fast a replay goes, and when it waits for live events. Pure: time is an argument."""

# How much of a delay is caught up, so that late wake-ups do not lower the rate.
CATCH_UP_S = 0.02
# Live events that may pile up more than at the start before a replay takes note.
MARGIN = 100


class Pace:
    """Spreads sends evenly: in no second are there more than the rate, and 2 %."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s
        self._next = 0.0

    def wait_s(self, now: float) -> float:
        """Take the next place in time; return how long it is until then."""
        at = max(self._next, now - CATCH_UP_S)
        self._next = at + self._gap_s
        return max(0.0, at - now)


class Tide:
    """Whether the lag of the live groups rises above what it was at the start."""

    def __init__(self, margin: int = MARGIN) -> None:
        self._margin = margin
        self._first: int | None = None
        self._last = 0

    def rises(self, lag: int) -> bool:
        """Look at the lag in records; the first look is what later ones are compared with."""
        if self._first is None:
            self._first = lag
        rising = lag > self._last and lag > self._first + self._margin
        self._last = lag
        return rising
