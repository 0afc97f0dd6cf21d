"""The built-in tasks: one for each workload class, each its class's default."""

from agents.workloads.assist import assist
from agents.workloads.extract import extract
from agents.workloads.review import review
from agents.workloads.triage import triage

__all__ = ["assist", "extract", "review", "triage"]
