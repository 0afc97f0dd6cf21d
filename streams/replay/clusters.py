"""Dead letters counted by what went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass

from streams.replay.letters import Letter

_KEY = (
    "dlq.workload",
    "dlq.disposition",
    "dlq.error.class",
    "dlq.error.type",
    "dlq.task",
    "dlq.task.version",
    "dlq.model",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Letters that failed alike. Times are of dead-lettering, seconds since the epoch."""

    workload: str
    disposition: str
    error_class: str
    error_type: str
    task: str
    task_version: str
    model: str
    count: int
    first_seen: float
    last_seen: float
    example: str


class Clusters:
    """Counts letters as they come; keeps no letter."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], Cluster] = {}

    def add(self, letter: Letter) -> None:
        """Count one letter."""
        key = tuple(letter.facts.get(name, "") for name in _KEY)
        seen = letter.record.timestamp
        known = self._found.get(key)
        self._found[key] = Cluster(
            workload=key[0],
            disposition=key[1],
            error_class=key[2],
            error_type=key[3],
            task=key[4],
            task_version=key[5],
            model=key[6],
            count=known.count + 1 if known else 1,
            first_seen=min(known.first_seen, seen) if known else seen,
            last_seen=max(known.last_seen, seen) if known else seen,
            example=known.example if known else letter.id,
        )

    def largest_first(self) -> Iterable[Cluster]:
        """Return the clusters, the largest first."""
        return sorted(self._found.values(), key=lambda cluster: -cluster.count)
