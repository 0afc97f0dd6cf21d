"""A `headrace worker` under a wall clock that jumps: SIGUSR1 goes to the next jump, in seconds.

All Python code of the process sees it, for it is set before anything is imported; what asks the
monotonic clock does not, as on a machine whose clock is set.
"""

import os
import signal
import sys
import time

JUMPS = "CHAOS_CLOCK_JUMPS_S"


class JumpingClock:
    """The wall clock plus the jumps so far."""

    def __init__(self, jumps_s: list[float]) -> None:
        self._jumps_s = jumps_s
        self._ahead_s = 0.0
        self._real = time.time

    def __call__(self) -> float:
        """Return seconds since the epoch."""
        return self._real() + self._ahead_s

    def jump(self, *_: object) -> None:
        """Go to the next jump; after the last one there is none."""
        if self._jumps_s:
            self._ahead_s += self._jumps_s.pop(0)


if __name__ == "__main__":
    clock = JumpingClock([float(jump) for jump in os.environ.get(JUMPS, "").split(",") if jump])
    time.time = clock
    signal.signal(signal.SIGUSR1, clock.jump)
    from streams.cli.main import main

    sys.argv = ["headrace", "worker", *sys.argv[1:]]
    main()
