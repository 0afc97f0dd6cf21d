"""The processor of one workload class: its intake, its runner, and what they show."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.workload import WorkloadClass
from streams.intake import Intake
from streams.runner import Runner
from streams.watchdog import Sign


@dataclass(frozen=True, slots=True)
class Processor:
    """The intake and the runner of one class."""

    intake: Intake
    runner: Runner

    @property
    def workload(self) -> WorkloadClass:
        """Its class."""
        return self.runner.workload

    @property
    def in_flight(self) -> int:
        """Records being worked on."""
        return self.runner.in_flight

    @property
    def held(self) -> Mapping[str, int]:
        """Records that wait, by reason."""
        return self.runner.held

    @property
    def uncommitted(self) -> int:
        """Records that the watermark has not passed."""
        return self.runner.uncommitted

    @property
    def oldest_uncommitted_age_s(self) -> float:
        """Age of the oldest of them."""
        return self.runner.oldest_uncommitted_age_s

    @property
    def lag(self) -> int:
        """Records that wait in Kafka."""
        return self.intake.lag

    @property
    def limit(self) -> int:
        """The running limit of records in flight."""
        return self.runner.limit

    @property
    def sign(self) -> Sign:
        """What the watchdog looks at."""
        runner = self.runner
        return Sign(
            name=self.workload,
            trouble=runner.trouble or self.intake.trouble,
            rebalancing=self.intake.rebalancing,
            forgotten=runner.forgotten,
        )
