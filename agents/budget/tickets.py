"""Places in the waiting line, and what is got for them."""

from dataclasses import dataclass, field

from schemas.lease import Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Capacity taken for one call. `mark`: what all workers had spent, this call included."""

    id: int
    priority: int
    need: Amounts
    granted_at: float
    mark: Amounts


@dataclass(order=True, slots=True)
class Ticket:
    """A place in the line of its class: deadline, then arrival. Never size."""

    deadline: float
    arrival: int
    priority: int = field(compare=False)
    need: Amounts = field(compare=False)
    left: bool = field(default=False, compare=False)


Granted = tuple[Ticket, Reservation]
