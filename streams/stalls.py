"""Partitions that are not read on, because a record of theirs can have no end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from streams.record import Partition


class Pausable(Protocol):
    """What stalls need of the intake."""

    def pause(self, partition: Partition) -> None:
        """Read no further records of a partition."""
        ...

    def resume(self, partition: Partition) -> None:
        """Go on reading it."""
        ...


class Stalls:
    """The partitions of one consumer that stand still."""

    def __init__(self) -> None:
        self._intake: Pausable | None = None
        self._by_partition: Counter[Partition] = Counter()

    def __repr__(self) -> str:
        return f"Stalls({list(+self._by_partition)})"

    def attach(self, intake: Pausable) -> None:
        """Name the intake; it is made after those who stall it."""
        self._intake = intake

    @contextmanager
    def of(self, partition: Partition) -> Iterator[None]:
        """Let a partition stand still while this lasts."""
        self._by_partition[partition] += 1
        if self._intake:
            self._intake.pause(partition)
        try:
            yield
        finally:
            self._by_partition[partition] -= 1
            if self._intake and not self._by_partition[partition]:
                self._intake.resume(partition)
