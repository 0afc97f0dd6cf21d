"""All benchmarks, one after the other, each in its own process."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "cpu.py",
    "latency.py",
    "memory.py",
    "simulator_throughput.py",
    "reservation.py",
    "rush.py",
    "mixed.py",
    "classes.py",
    "changes.py",
    "workers.py",
    "pipeline.py",
    "journal.py",
    "replay.py",
    "outage.py",
)
# The tests' real Redis serves the benchmarks too.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}

if __name__ == "__main__":
    for name in SCRIPTS:
        print(f"--- bench/{name}", flush=True)
        script = Path(__file__).with_name(name)
        subprocess.run([sys.executable, script], check=True, env=ENVIRONMENT)  # noqa: S603 - our own scripts
