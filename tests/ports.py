"""Ports for tests that run side by side: each process has its own part of them."""

import os
from collections.abc import Sequence
from random import SystemRandom
from typing import TypeVar

from streams.local.kafka.ports import free_ports

PROCESSES = 8
T = TypeVar("T")


class OwnPart(SystemRandom):
    """Draws from this process's part of what is offered."""

    def sample(self, population: Sequence[T], k: int) -> list[T]:  # type: ignore[override]
        name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
        own = population[int(name.removeprefix("gw")) % PROCESSES :: PROCESSES]
        return super().sample(own, min(k, len(own)))


def own_ports(count: int) -> list[int]:
    """Return ports that nobody uses, and that no other process of this run will take."""
    return free_ports(count, OwnPart())
