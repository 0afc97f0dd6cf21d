"""Context sources, and one event's context put together from them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from schemas.events import Event

FETCH_TIMEOUT_S = 5.0


@runtime_checkable
class ContextSource(Protocol):
    """Something that knows more about an event, such as a customer table."""

    @property
    def name(self) -> str:
        """Name of the block in the prompt: letters, digits, underscore."""
        ...

    @property
    def required(self) -> bool:
        """Whether the event waits until this source answers."""
        ...

    async def fetch(self, event: Event) -> str | None:
        """Text for the prompt, or None when there is nothing to say."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """Texts by source name. `failed`: required sources; `missing`: optional ones that failed."""

    texts: dict[str, str]
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


async def assemble(sources: Sequence[ContextSource], event: Event) -> Assembled:
    """Ask all sources at once; each has `FETCH_TIMEOUT_S` to answer."""
    answers = await asyncio.gather(
        *(_bounded(source, event) for source in sources), return_exceptions=True
    )
    pairs = list(zip(sources, answers, strict=True))
    # Also a source that was cancelled from within: this call was not.
    bad = [source for source, answer in pairs if isinstance(answer, BaseException)]
    return Assembled(
        texts={source.name: answer for source, answer in pairs if isinstance(answer, str)},
        missing=tuple(source.name for source in bad if not source.required),
        failed=tuple(source.name for source in bad if source.required),
    )


async def _bounded(source: ContextSource, event: Event) -> str | None:
    async with asyncio.timeout(FETCH_TIMEOUT_S):
        return await source.fetch(event)
