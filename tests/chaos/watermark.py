"""Looks while faults strike whether a commit has passed a record that nothing came of."""

import asyncio
from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.workload import WorkloadClass
from streams.topics import TopicNames
from tests.chaos.books import Books
from tests.outputs import Source

LOOK_S, WITHIN_S = 2.0, 15.0


class Watermark:
    """The committed offsets of one app, held against the books."""

    def __init__(self, bootstrap: str, app: str, names: TopicNames, books: Books) -> None:
        self._bootstrap, self._app, self._names, self._books = bootstrap, app, names, books
        self._checked: dict[tuple[str, int], int] = {}
        self.passed: set[Source] = set()
        self.looks = 0

    def __repr__(self) -> str:
        return f"Watermark({self.looks} looks, {len(self.passed)} passed)"

    async def run(self) -> None:
        """Look until cancelled; without brokers there is nothing to see."""
        while True:
            with suppress(KafkaError, OSError, TimeoutError):
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Note the unfinished records below each commit. Offsets first, then the ends."""
        async with asyncio.timeout(WITHIN_S):
            committed = await self.committed()
            await self._books.read_up()
        self.looks += 1
        for (topic, partition), upto in committed.items():
            begin = self._checked.get((topic, partition), 0)
            for offset in range(begin, upto):
                source = (topic, partition, offset)
                if source in self._books.inputs and not self._books.is_ended(source):
                    self.passed.add(source)
            self._checked[topic, partition] = max(begin, upto)

    async def committed(self) -> dict[tuple[str, int], int]:
        """Return what the groups of all classes have committed in their input topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        found: dict[tuple[str, int], int] = {}
        try:
            for workload in WorkloadClass:
                topic = self._names.input(workload)
                told = await admin.list_consumer_group_offsets(f"{self._app}.{workload}")
                mine = {tp.partition: e.offset for tp, e in told.items() if tp.topic == topic}
                found |= {(topic, p): offset for p, offset in mine.items() if offset >= 0}
        finally:
            await admin.close()
        return found

    async def unfinished(self) -> int:
        """Return how many inputs no commit has passed yet."""
        async with asyncio.timeout(WITHIN_S):
            committed = await self.committed()
        return sum(offset >= committed.get((t, p), 0) for t, p, offset in self._books.inputs)
