"""A broker for all commands, and a person's folder with settings in it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import pytest

from streams.local.kafka import LocalKafka
from tests.command import Done
from tests.harness import Rig


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a terminal in the folder of a rig."""

    rig: Rig

    async def headrace(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command with the rig's settings."""
        return await self.rig.headrace(*arguments, stdin=stdin, environment=environment)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka


@pytest.fixture(scope="module")
async def rig(broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with Rig(tmp_path_factory.mktemp("person"), broker.bootstrap) as made:
        yield made


@pytest.fixture
async def person(rig: Rig) -> Person:
    return Person(rig)
