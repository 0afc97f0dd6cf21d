"""Which offsets are done: a lane per partition, and a watermark that never passes unfinished work.

Invariants:
- A record is registered when it is fetched, before anything can await or drop it.
- The watermark is the lowest registered offset that is not done, else one past the last.
- Gaps in the offsets (transactions, compaction) are nobody's work and hold nothing back.
- What was done when a partition was revoked is remembered: its redelivery is done at once.
"""

from collections import deque
from dataclasses import dataclass, field

from streams.record import Partition

# Done offsets remembered for each partition that went away.
REMEMBERED = 20_000


@dataclass(slots=True)
class _Lane:
    """Offsets of one partition in the order they were fetched, and which are done."""

    waiting: deque[tuple[int, float]] = field(default_factory=deque)
    done: set[int] = field(default_factory=set)
    first: int = 0
    last: int = -1
    delivered: int = -1

    @property
    def watermark(self) -> int:
        return self.waiting[0][0] if self.waiting else self.last + 1

    def release(self) -> None:
        while self.waiting and self.waiting[0][0] in self.done:
            self.done.remove(self.waiting.popleft()[0])


class Offsets:
    """The tracker of one consumer. Synchronous; time is an argument."""

    def __init__(self) -> None:
        self._lanes: dict[Partition, _Lane] = {}
        self._remembered: dict[Partition, tuple[int, set[int]]] = {}
        self._epochs: dict[Partition, int] = {}

    def __repr__(self) -> str:
        return f"Offsets({ {f'{t}[{p}]': lane.watermark for (t, p), lane in self._lanes.items()} })"

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Partitions with records since they were assigned."""
        return tuple(self._lanes)

    def fetched(self, partition: Partition, offset: int, now: float) -> None:
        """Register a record, once; those of a partition come in rising order."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = _Lane(first=offset, last=offset - 1)
            self._recall(partition, offset)
        if offset <= lane.last:
            return
        lane.last = offset
        lane.waiting.append((offset, now))
        if offset in self._remembered.get(partition, (0, ()))[1]:
            lane.done.add(offset)
            lane.release()

    def epoch(self, partition: Partition) -> int:
        """Return a number that changes when the partition's log begins anew."""
        return self._epochs.get(partition, 0)

    def delivered(self, partition: Partition, offset: int) -> bool:
        """Take note that a record reached its runner; False: it is of a log that is no more.

        What Faust had buffered of the old log comes before the first record of the new one.
        """
        lane = self._lanes.get(partition)
        if lane is None:
            return True
        if self.epoch(partition) and lane.delivered < 0 and offset != lane.first:
            return False
        lane.delivered = max(lane.delivered, offset)
        return True

    def overtaken(self) -> list[tuple[Partition, int]]:
        """Return the heads that hold a watermark while later records were delivered."""
        return [
            (partition, lane.waiting[0][0])
            for partition, lane in self._lanes.items()
            if lane.waiting and lane.waiting[0][0] < lane.delivered
        ]

    def is_open(self, partition: Partition, offset: int) -> bool:
        """Whether a registered record still has to be worked on."""
        lane = self._lanes.get(partition)
        return (
            lane is not None and lane.watermark <= offset <= lane.last and offset not in lane.done
        )

    def done(self, partition: Partition, offset: int) -> None:
        """Mark a record whose outcome the broker has; also when its partition went away."""
        lane = self._lanes.get(partition)
        if lane is None or offset > lane.last:  # not fetched again yet
            self._remember(partition, lane.watermark if lane else offset, {offset})
        elif lane.watermark <= offset <= lane.last:
            lane.done.add(offset)
            lane.release()

    def watermark(self, partition: Partition) -> int | None:
        """Return the offset to commit; None before anything was fetched."""
        lane = self._lanes.get(partition)
        return None if lane is None else lane.watermark

    def revoked(self, partition: Partition) -> None:
        """Close the lane; what is done beyond its watermark is remembered."""
        if lane := self._lanes.pop(partition, None):
            self._remember(partition, lane.watermark, lane.done)

    def restarted(self, partition: Partition) -> None:
        """Forget a partition whose log began anew: its offsets mean other records now."""
        self._lanes.pop(partition, None)
        self._remembered.pop(partition, None)
        self._epochs[partition] = self.epoch(partition) + 1

    def uncommitted(self) -> int:
        """How many records are registered and not passed by the watermark."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def oldest_age_s(self, now: float) -> float:
        """How long ago the oldest record that holds a watermark was fetched."""
        heads = [lane.waiting[0][1] for lane in self._lanes.values() if lane.waiting]
        return now - min(heads) if heads else 0.0

    def _remember(self, partition: Partition, lowest: int, offsets: set[int]) -> None:
        known = self._remembered.setdefault(partition, (lowest, set()))[1]
        if len(known) < REMEMBERED:
            known |= offsets

    def _recall(self, partition: Partition, first: int) -> None:
        """Forget what no longer fits: offsets below, or all when the partition went back in time.

        A topic that was deleted and made again counts from zero: its offsets mean other records.
        """
        if partition in self._remembered:
            lowest, offsets = self._remembered.pop(partition)
            if first >= lowest:
                self._remembered[partition] = (first, {o for o in offsets if o >= first})
