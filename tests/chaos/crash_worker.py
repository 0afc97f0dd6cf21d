"""A `headrace worker` that dies between two effects: where its file of orders says.

A file beside the settings, `<name>.crash`, names a point; who passes it next takes the order away
and ends without a goodbye, exactly between that effect and the next one.
"""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.claude.client import Client
from streams.claims import Claims
from streams.cli.main import main as headrace
from streams.intake import SafeConsumer
from streams.offsets import Offsets
from streams.outbox import Outbox

STATUS = 87
# Effects in their order; the process ends right after the one that is named.
POINTS = ("claimed", "answered", "journaled", "published", "done", "committed")


def orders_of(config: Path) -> Path:
    """Return the file that names the point at which a worker has to die."""
    return config.with_suffix(".crash")


class Orders:
    """The order to die, if there is one."""

    def __init__(self, config: Path) -> None:
        self._file = orders_of(config)

    def passed(self, point: str) -> None:
        """End here if this is the point."""
        if self._file.exists() and self._file.read_text("utf-8") == point:
            self._file.unlink()
            os._exit(STATUS)

    def after(self, point: str, owner: type, name: str) -> None:
        """Look for orders whenever an effect has taken place."""
        effect: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(effect)
        async def awaited(*arguments: object, **named: object) -> object:
            result = await effect(*arguments, **named)
            self.passed(point)
            return result

        @functools.wraps(effect)
        def direct(*arguments: object, **named: object) -> object:
            result = effect(*arguments, **named)
            self.passed(point)
            return result

        setattr(owner, name, direct if point == "done" else awaited)


def main() -> None:
    """Give the orders a chance at every effect, then be a worker."""
    orders = Orders(Path(sys.argv[sys.argv.index("--config") + 1]))
    effects = (
        (Claims, "claim"),
        (Client, "send"),
        (Claims, "keep"),
        (Outbox, "publish"),
        (Offsets, "done"),
        (SafeConsumer, "commit"),
    )
    for point, (owner, name) in zip(POINTS, effects, strict=True):
        orders.after(point, owner, name)
    sys.argv = ["headrace", "worker", *sys.argv[1:]]
    headrace()


if __name__ == "__main__":
    main()
