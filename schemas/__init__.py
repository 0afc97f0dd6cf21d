"""What goes over a wire or between packages."""

from schemas.base import Model, OutputModel
from schemas.dead_letter import Disposition
from schemas.events import Document, Event, Interaction
from schemas.results import Result
from schemas.workload import WorkloadClass

__all__ = [
    "Disposition",
    "Document",
    "Event",
    "Interaction",
    "Model",
    "OutputModel",
    "Result",
    "WorkloadClass",
]
