"""How an arena is set up; rows with the same cast share one arena."""

from dataclasses import dataclass

from agents.simulator import Limits, SimulatorSettings
from tests.worker_process import HEADRACE_WORKER

PER_S, BURST_S = 60, 2
LIMITS = Limits(requests_per_minute=60 * PER_S, burst_s=BURST_S)
# Calls last about half a second, so that some are always in the air. No tail: an answer that is
# slow once is slow every time, and three timeouts make a letter.
SIMULATED = SimulatorSettings(time_scale=0.4, tail=0, limits=LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The workers and what they are told.

    `static`: they are known to their groups when they come back. `timeout_s` is of one call.
    `breaker_records`: the flood breaker trips after so many; the default is out of the way.
    """

    workers: int = 3
    static: bool = False
    timeout_s: float = 5
    drain_s: float = 8
    breaker_records: int = 100_000
    program: tuple[str, ...] = HEADRACE_WORKER
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def toml(self) -> str:
        """The settings that are the same for all workers, without Kafka, store and web."""
        names = ("realtime", "interactive", "transactional", "batch")
        classes = "".join(f"[classes.{name}]\ntimeout_s = {self.timeout_s}\n" for name in names)
        return f"[breaker]\nmin_records = {self.breaker_records}\n{classes}"


STANDARD = Cast()
