"""What the tests of the handler share."""

from collections.abc import AsyncIterator

import pytest

from tests.stream_crew import Crew


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    """Workers that are sent home in the end."""
    made = Crew()
    yield made
    await made.close()
