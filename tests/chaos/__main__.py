"""`python -m tests.chaos`: every fault that headrace promises to survive, and one table."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from tests.chaos import table
from tests.chaos.catalogue import FAULTS
from tests.chaos.fault import Fault
from tests.chaos.row import Row
from tests.chaos.suite import Suite
from tests.chaos.trial import plain


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same schedule")
    parser.add_argument("--only", action="append", default=[], help="a fault by name; repeatable")
    parser.add_argument("--list", action="store_true", help="name all faults")
    parser.add_argument("--json", action="store_true", help="one object a line instead of a table")
    parser.add_argument("--long", action="store_true", help="outages of 10 minutes instead of one")
    parser.add_argument("--keep", type=Path, help="a folder for the logs; else they are removed")
    return parser.parse_args()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def chosen(names: list[str]) -> list[Fault]:
    """Return the faults of these names; all when there is none."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no such fault: {', '.join(unknown)}; --list names them all")
    return [known[name] for name in names] or list(FAULTS)


async def rows(told: argparse.Namespace, folder: Path) -> list[Row]:
    """Run the faults, and print each row when it is there."""
    found = []
    if not told.json:
        say(table.heading())
    suite = Suite(folder, seed=told.seed, is_long=told.long)
    async for row in suite.run(chosen(told.only)):
        found.append(row)
        say(plain(row).decode() if told.json else table.line(row))
    return found


def main() -> int:
    """Return the exit status: 1 when a promise was broken."""
    told = arguments()
    if told.list:
        for fault in FAULTS:
            say(f"{fault.name:<26}{fault.strike.__doc__ or ''}")
        return 0
    # Clients that are cut off on purpose have much to say.
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as temporary:
        folder = told.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = asyncio.run(rows(told, folder))
    if not told.json:
        say(table.summary(found))
    return int(any(row.breaks for row in found))


if __name__ == "__main__":
    sys.exit(main())
