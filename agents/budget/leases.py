"""What the budget needs of the store that workers share."""

from typing import Protocol

from schemas.lease import Ask, Lease
from schemas.standing import Group, WorkerReport


class Leases(Protocol):
    """Capacity leased to workers. Every call is bounded in time and raises StoreAway alone."""

    @property
    def gap_s(self) -> float:
        """Seconds between two exchanges of one budget while calls wait: the price of one."""
        ...

    async def exchange(self, ask: Ask) -> Lease:
        """Settle and lease in one atomic step."""
        ...

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        """Show that this worker lives, add what it spent; return all who live."""
        ...
