"""A Claude API over real HTTP, as strict as the real one, for the demo, tests and benchmarks."""

from agents.simulator.accounting.ledger import LedgerEntry, Totals
from agents.simulator.faults import Fault, FaultKind
from agents.simulator.server import Simulator
from agents.simulator.settings import Limits, Ramp, SimulatorSettings

__all__ = [
    "Fault",
    "FaultKind",
    "LedgerEntry",
    "Limits",
    "Ramp",
    "Simulator",
    "SimulatorSettings",
    "Totals",
]
