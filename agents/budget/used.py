"""What calls used during the last minute, by class."""

from collections import deque

from schemas.lease import Amounts, nothing_by_class

MINUTE_S = 60


class Used:
    """Sums of whole seconds; amounts are requests, input tokens, output tokens."""

    def __init__(self) -> None:
        self._by_second: deque[tuple[int, list[Amounts]]] = deque()

    def add(self, priority: int, amounts: Amounts, now: float) -> None:
        """Count what one call used."""
        second = int(now)
        if not self._by_second or self._by_second[-1][0] < second:
            self._by_second.append((second, nothing_by_class()))
            self._forget(second)
        row = self._by_second[-1][1][priority]
        for u, amount in enumerate(amounts):
            row[u] += amount

    def last_minute(self, now: float) -> list[Amounts]:
        """Return the sums of each class."""
        self._forget(int(now))
        sums = nothing_by_class()
        for _, rows in self._by_second:
            for total, row in zip(sums, rows, strict=True):
                for u, amount in enumerate(row):
                    total[u] += amount
        return sums

    def _forget(self, second: int) -> None:
        while self._by_second and self._by_second[0][0] <= second - MINUTE_S:
            self._by_second.popleft()
