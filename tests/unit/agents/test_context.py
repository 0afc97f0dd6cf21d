import asyncio

import pytest

from agents.context import ContextSource, assemble
from schemas.events import Event
from tests.builders import interaction
from tests.fakes import until


class Told:
    """A source that says a prepared thing."""

    def __init__(
        self, name: str, said: str | BaseException | None, *, required: bool = False
    ) -> None:
        self.name, self.required, self._said = name, required, said

    async def fetch(self, event: Event) -> str | None:
        assert event.id
        if isinstance(self._said, BaseException):
            raise self._said
        return self._said


class Asked:
    """A source that waits until it is told."""

    required = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.open = asyncio.Event()
        self.asked = False
        self.cancelled = False

    async def fetch(self, event: Event) -> str | None:
        self.asked = True
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return event.id


async def test_answers_are_kept_by_name_in_order() -> None:
    found = await assemble([Told("crm", "gold"), Told("orders", "two")], interaction())
    assert list(found.texts.items()) == [("crm", "gold"), ("orders", "two")]
    assert (found.missing, found.failed) == ((), ())


async def test_source_with_nothing_to_say_is_left_out() -> None:
    found = await assemble([Told("crm", None, required=True)], interaction())
    assert (found.texts, found.missing, found.failed) == ({}, (), ())


@pytest.mark.parametrize(
    "error", [OSError(), TimeoutError(), RuntimeError(), asyncio.CancelledError()], ids=repr
)
async def test_source_that_breaks_is_missing_or_failed(error: BaseException) -> None:
    sources = [Told("a", error), Told("b", error, required=True), Told("c", "there")]
    found = await assemble(sources, interaction())
    assert found.texts == {"c": "there"}
    assert found.missing == ("a",)
    assert found.failed == ("b",)


async def test_all_sources_are_asked_at_once() -> None:
    sources = [Asked("a"), Asked("b")]
    running = asyncio.ensure_future(assemble(sources, interaction()))
    await until(lambda: all(source.asked for source in sources))
    for source in sources:
        source.open.set()
    assert (await running).texts == {"a": "evt-1", "b": "evt-1"}


async def test_cancelling_cancels_every_source() -> None:
    sources = [Asked("a"), Asked("b")]
    running = asyncio.ensure_future(assemble(sources, interaction()))
    await until(lambda: all(source.asked for source in sources))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert all(source.cancelled for source in sources)


def test_anything_with_a_name_and_a_fetch_is_a_source() -> None:
    assert isinstance(Told("a", None), ContextSource)
    assert not isinstance(object(), ContextSource)
