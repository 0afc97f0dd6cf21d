"""The processor of one workload class, or of replays: its intake, its runner, what they show."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.intake import Intake
from streams.runner import Runner
from streams.watchdog import Sign


@dataclass(frozen=True, slots=True)
class Processor:
    """One intake and one runner."""

    intake: Intake
    runner: Runner

    @property
    def name(self) -> str:
        """Its class, or `replay`."""
        return self.runner.name

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

    def sign(self, timeout_s: float, members: int) -> Sign:
        """Return what the watchdog looks at.

        `timeout_s` is that of a call; `members` of its Kafka group, 0: not counted.
        """
        intake, runner = self.intake, self.runner
        return Sign(
            name=self.name,
            trouble=runner.trouble or intake.trouble,
            rebalancing=intake.rebalancing,
            forgotten=runner.forgotten,
            unassigned=intake.lacks_partitions(members),
            starved=intake.waits and runner.has_room,
            delivered=runner.delivered,
            stage_s=runner.stage_s,
            timeout_s=timeout_s,
        )
