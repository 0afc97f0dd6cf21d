"""What an audit found: numbers by class, and the names of what is missing or double."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.workload import WorkloadClass
from streams.audit.verdict import State, Verdict
from streams.source import Source

WORDS = {
    State.RESULT: "ended in a result",
    State.OPEN: "ended in a dead letter that nobody has dealt with",
    State.REPLAYING: "dead letters sent again, without a new end yet",
    State.PARKED: "put aside for good",
    State.WAITING: "not done yet: no commit has passed them",
    State.FORGOTTEN: "so old that Kafka may have deleted their end",
    State.MISSING: "passed by a commit, without an end: lost",
}
OTHER_WORDS = {
    "double": "ended in more than one way",
    "repeated": "spare copies of an end, with the same id: harmless",
    "unknown": "ends whose input is not in Kafka any more, or that name none",
}


@dataclass(slots=True, kw_only=True)
class Report:
    """Grows by one input at a time. At most `names` faults of a kind are named, None: all."""

    names: int | None
    by_class: dict[WorkloadClass, Counter[str]] = field(
        default_factory=lambda: {workload: Counter() for workload in WorkloadClass}
    )
    missing: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    unknown: int = 0

    def add(self, workload: WorkloadClass, source: Source, verdict: Verdict) -> None:
        """Count one input."""
        counted = self.by_class[workload]
        is_double = len(verdict.ends) > 1
        counted.update({"inputs": 1, verdict.state: 1, "double": int(is_double)})
        counted["repeated"] += verdict.repeated
        if verdict.state is State.MISSING and self._has_room(self.missing):
            self.missing.append(named(source))
        if is_double and self._has_room(self.double):
            self.double.append(named(source))
            self.ends.append("; ".join(map(str, verdict.ends)))

    def total(self, key: str) -> int:
        """Return a number over all classes."""
        if key == "unknown":
            return self.unknown
        return sum(counted[key] for counted in self.by_class.values())

    @property
    def is_clean(self) -> bool:
        """Whether nothing is missing or double."""
        return not self.total("missing") and not self.total("double")

    def as_json(self) -> dict[str, Any]:
        """Return one object; everything that is missing or double is named in it."""
        keys = ["inputs", *(state.value for state in State), "double", "repeated"]
        classes = {
            workload.value: {key: counted[key] for key in keys}
            for workload, counted in self.by_class.items()
        }
        numbers = {key: self.total(key) for key in (*keys, "unknown")}
        return numbers | {"missing": self.missing, "double": self.double, "by_class": classes}

    def lines(self) -> Iterator[str]:
        """Yield a line a number, then the names."""
        yield f"{'inputs':13}{self.total('inputs'):12,}"
        words = {state.value: text for state, text in WORDS.items()} | OTHER_WORDS
        for key, text in words.items():
            yield f"{key.replace('_', ' '):13}{self.total(key):12,}  {text}"
        yield from (f"missing: {name}" for name in self.missing)
        yield from self._more("missing", self.missing)
        for name, ends in zip(self.double, self.ends, strict=True):
            yield f"double: {name}: {ends}"
        yield from self._more("double", self.double)

    def _has_room(self, named_so_far: list[str]) -> bool:
        return self.names is None or len(named_so_far) < self.names

    def _more(self, key: str, shown: list[str]) -> Iterator[str]:
        if rest := self.total(key) - len(shown):
            yield f"and {rest:,} more {key}; `headrace audit --json` names all"


def named(source: Source) -> str:
    """Return a source as people write it."""
    return f"{source.topic}[{source.partition}]@{source.offset}"
