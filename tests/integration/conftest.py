"""One broker for each process; topics and groups of their own for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from streams.local.kafka import LocalKafka
from tests import shift as shifts
from tests.harness import Rig


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture
async def rig(broker: LocalKafka, tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, broker.bootstrap) as made:
        yield made


@pytest.fixture(scope="session")
async def shift(
    broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[shifts.Shift]:
    """One for each process: its end takes a minute, which passes under the other tests."""
    async with shifts.shift(broker.bootstrap, tmp_path_factory.mktemp("shift")) as made:
        yield made
