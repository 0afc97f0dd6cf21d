"""One event in, one Outcome out; knows no Kafka."""

from agents.context import ContextSource
from agents.task import Task

__all__ = ["ContextSource", "Task"]
