"""All benchmarks, one after the other, each in its own process."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("cpu.py", "latency.py", "memory.py", "simulator_throughput.py")

if __name__ == "__main__":
    for name in SCRIPTS:
        print(f"--- bench/{name}", flush=True)
        subprocess.run([sys.executable, Path(__file__).with_name(name)], check=True)  # noqa: S603 - our own scripts
