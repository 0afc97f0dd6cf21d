"""Order within a conversation, for tasks that ask for it."""

import asyncio
from collections import deque

from agents.pipeline import Work
from schemas.events import Interaction
from streams.record import Partition, Record

Conversations = dict[tuple[Partition, str], deque["Turn"]]


class Turn:
    """Lets the events of one conversation go one after the other, if the task asks for it.

    One that is cancelled leaves the line; those behind it still wait for those before it.
    """

    def __init__(
        self,
        conversations: Conversations,
        record: Record,
        work: Work,
    ) -> None:
        self._conversations = conversations
        event = work.event
        name = event.conversation_id if isinstance(event, Interaction) else None
        self._key = ((record.topic, record.partition), name) if work.task.ordered and name else None
        self._first = asyncio.Event()

    async def __aenter__(self) -> None:
        if self._key:
            line = self._conversations.setdefault(self._key, deque())
            line.append(self)
            line[0]._first.set()  # noqa: SLF001 - one of our own
            try:
                await self._first.wait()
            except asyncio.CancelledError:
                self._leave(self._key)
                raise

    async def __aexit__(self, *_: object) -> None:
        if self._key:
            self._leave(self._key)

    def _leave(self, key: tuple[Partition, str]) -> None:
        line = self._conversations[key]
        line.remove(self)
        if line:
            line[0]._first.set()  # noqa: SLF001 - one of our own
        else:
            del self._conversations[key]
