"""What is published to the `alerts` topic."""

from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.base import Model
from schemas.lease import Unit
from schemas.workload import WorkloadClass

AlertKind = Literal[
    "budget_use",
    "budget_closed",
    "limit_changed",
    "spend",
    "store",
    "members",
    "outage",  # a model's circuit stays open
    "flood",  # a class's flood breaker is open
    "publish",  # a topic takes no results or dead letters
]


class Alert(Model):
    """Something that a person should know, and its end.

    `id` is the same when it is raised and when it is cleared. `ratio` is the part of the limit in
    use; `by_class` says which class uses how much of it.
    """

    id: str
    kind: AlertKind
    state: Literal["raised", "cleared"]
    model: str | None = None
    unit: Unit | None = None
    ratio: float | None = None
    by_class: dict[WorkloadClass, float] = Field(default_factory=dict)
    message: str
    at: AwareDatetime
