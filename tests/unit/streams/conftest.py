"""What the tests of claims and of the handler share."""

from collections.abc import AsyncIterator

import pytest

from tests.claims_office import Office
from tests.stream_crew import Crew


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    """Workers that are sent home in the end."""
    made = Crew()
    yield made
    await made.close()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """A worker whose claims are stopped in the end."""
    made = Office()
    yield made
    await made.close()
