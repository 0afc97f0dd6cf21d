"""What the demo counts: which records ended how, and how long it took."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.workload import WorkloadClass
from streams.record import Record
from streams.replay.letters import letter_of

Source = tuple[str, int, int]
# A letter that fits on the screen is shown rather than another.
SHOWN_BYTES = 200
SHOWN_RESULT_BYTES = 700


@dataclass(slots=True)
class ClassTally:
    """The counts of one class."""

    published: int = 0
    results: int = 0
    letters: dict[str, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    tokens: int = 0
    cost_microusd: int = 0

    @property
    def settled(self) -> int:
        """Records with an end."""
        return self.results + sum(self.letters.values())

    def percentile_s(self, share: float) -> float:
        """Return a latency percentile, publish to result; 0 without results."""
        ranked = sorted(self.latencies_s)
        return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else 0.0


class Tally:
    """Joins what was published with what came out, by source."""

    def __init__(self) -> None:
        self.classes = {workload: ClassTally() for workload in WorkloadClass}
        self.unexpected: list[str] = []
        self._open: dict[Source, tuple[WorkloadClass, float, str | None]] = {}
        self.results: dict[WorkloadClass, dict[str, Any]] = {}
        self.letter: Record | None = None

    @property
    def open(self) -> int:
        """Records without an end."""
        return len(self._open)

    def published(
        self, workload: WorkloadClass, source: Source, at: float, expect: str | None
    ) -> None:
        """Count a record that the broker has."""
        self.classes[workload].published += 1
        self._open[source] = (workload, at, expect)

    def result(self, record: Record) -> None:
        """Count a result."""
        body = orjson.loads(record.value or b"")
        origin = body["source"]
        known = self._close((origin["topic"], origin["partition"], origin["offset"]), None)
        if known is None:
            return
        workload, at = known
        tally = self.classes[workload]
        tally.results += 1
        tally.latencies_s.append(record.timestamp - at)
        tally.tokens += sum(body["usage"].values())
        tally.cost_microusd += body["cost_microusd"]
        shown = self.results.get(workload)
        if shown is None or _telling(body) > _telling(shown):
            self.results[workload] = body

    def dead_letter(self, record: Record) -> None:
        """Count a dead letter."""
        letter = letter_of(record)
        first, disposition = letter.source, letter.facts["dlq.disposition"]
        known = self._close((first.topic, first.partition, first.offset), disposition)
        if known is not None:
            letters = self.classes[known[0]].letters
            letters[disposition] = letters.get(disposition, 0) + 1
            if self.letter is None or len(record.value or b"") in range(1, SHOWN_BYTES):
                self.letter = record

    def _close(self, source: Source, ending: str | None) -> tuple[WorkloadClass, float] | None:
        known = self._open.pop(source, None)
        if known is None:
            self.unexpected.append(f"{source} ended twice, or was never published")
            return None
        workload, at, expect = known
        if ending != expect:
            self.unexpected.append(f"{source}: {ending or 'a result'}, not {expect or 'a result'}")
        return workload, at


def _telling(body: dict[str, Any]) -> float:
    """Rank results by how sure they are; "other" says nothing, and a long one fits no screen."""
    output = body["output"]
    if len(orjson.dumps(output)) > SHOWN_RESULT_BYTES or "other" in output.values():
        return 0.0
    return float(output.get("confidence", 0.0))
