from collections.abc import AsyncIterator

import pytest

from tests.unit.agents.budget.builders import Queue


@pytest.fixture
async def queue() -> AsyncIterator[Queue]:
    """Return a line whose stock is spent: one call a millisecond comes in."""
    made = Queue()
    await made.drain()
    yield made
    made.line.stop()
