"""Wall clocks that jump."""

import signal
from pathlib import Path

from tests.chaos import clock_worker
from tests.chaos.cast import Cast
from tests.chaos.fault import Blow, Fault

JUMPS_S = (3600.0, -7200.0, 3600.0)
BETWEEN_S = 6.0


async def clock_jump(blow: Blow) -> list[str]:
    """The wall clock of a worker goes an hour ahead, two back, and is set right again."""
    member = blow.draw.choice(blow.arena.crew.members)
    for _ in JUMPS_S:
        member.send(signal.SIGUSR1)
        await blow.arena.for_s(BETWEEN_S)
    return []


FAULTS = (
    Fault(
        name="clock-jump",
        strike=clock_jump,
        cast=Cast(
            program=(str(Path(clock_worker.__file__)),),
            environment=((clock_worker.JUMPS, ",".join(map(str, JUMPS_S))),),
        ),
        recover_s=20,
    ),
)
