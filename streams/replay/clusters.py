"""Dead letters counted by what went wrong."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.dead_letter import Disposition
from streams.replay.letters import Letter

# Messages of these begin with the place of the first problem in the event or in the answer.
_WITH_PLACE = (Disposition.SCHEMA_INVALID, Disposition.OUTPUT_INVALID)
_PLACE = re.compile(r"[\w.-]{1,200}(?=: )")
_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}")

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
    """Letters that failed alike. Times are of dead-lettering, seconds since the epoch.

    `place` is the JSON path of the first problem, "" when there is none; `error_type` the rule.
    """

    workload: str
    disposition: str
    error_class: str
    error_type: str
    place: str
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
        named = tuple(letter.facts.get(name, "") for name in _KEY)
        key = (*named, place_of(letter.facts))
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
            place=key[7],
            count=known.count + 1 if known else 1,
            first_seen=min(known.first_seen, seen) if known else seen,
            last_seen=max(known.last_seen, seen) if known else seen,
            example=known.example if known else letter.id,
        )

    def largest_first(self) -> Iterable[Cluster]:
        """Return the clusters, the largest first."""
        return sorted(self._found.values(), key=lambda cluster: -cluster.count)


def place_of(facts: Mapping[str, str]) -> str:
    """Return the JSON path of a letter's first problem: `lines.*.amount`; "" without one.

    An index is `*`, and so is what could be a key of the sender's own making.
    """
    found = _PLACE.match(facts.get("__dlq.errors.message", ""))
    if found is None or facts.get("dlq.disposition") not in _WITH_PLACE:
        return ""
    parts = found.group().split(".")
    return ".".join(part if _NAME.fullmatch(part) else "*" for part in parts)
