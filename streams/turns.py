"""Order within a conversation, for tasks that ask for it."""

import asyncio

from agents.pipeline import Work
from schemas.events import Interaction
from streams.offsets import Partition
from streams.record import Record

Conversations = dict[tuple[Partition, str], asyncio.Event]


class Turn:
    """Lets the events of one conversation go one after the other, if the task asks for it."""

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
        self._mine = asyncio.Event()

    async def __aenter__(self) -> None:
        if self._key:
            before = self._conversations.get(self._key)
            self._conversations[self._key] = self._mine
            if before:
                try:
                    await before.wait()
                except asyncio.CancelledError:
                    self._end()
                    raise

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._mine.set()
        if self._key and self._conversations.get(self._key) is self._mine:
            del self._conversations[self._key]
