"""What every test shares."""

import pytest
from hypothesis import settings

# Tests run side by side: how long one example takes says nothing.
settings.register_profile("side by side", deadline=None)
settings.load_profile("side by side")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, which wait; the short ones fill what is left of the end."""
    items.sort(key=lambda item: "integration" not in item.path.parts)
