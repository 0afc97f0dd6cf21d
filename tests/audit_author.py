"""Writes by hand what workers write, and audits it."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.audit.auditing import audit
from streams.envelope import dead_letter_message, result_message
from streams.outbox import Outbox
from streams.record import Message, Record
from tests.harness import Rig, event
from tests.outputs import Source
from tests.stream_builders import completed, ending, failed, origin

BATCH = WorkloadClass.BATCH
HOUR_S = 3600.0


class Author:
    """Stands in for the workers and the groups of one rig; all is of class batch."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._outbox = Outbox(rig.settings.kafka)

    async def __aenter__(self) -> Self:
        await self._outbox.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._outbox.stop()

    async def inputs(self, count: int) -> list[Source]:
        """Publish to partition 0."""
        return await self.rig.publish(BATCH, *map(event, range(count)), partition=0)

    async def inputs_ago(self, *hours: int) -> list[Source]:
        """Publish to partition 0 with times of the past."""
        servers = self.rig.settings.kafka.bootstrap_servers
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
        await producer.start()
        try:
            sent = [
                await producer.send_and_wait(
                    self.rig.names.input(BATCH),
                    event(ago),
                    partition=0,
                    timestamp_ms=int((time.time() - ago * HOUR_S) * 1000),
                )
                for ago in hours
            ]
        finally:
            await producer.stop()
        return [(one.topic, one.partition, one.offset) for one in sent]

    async def result(self, source: Source, **headers: bytes) -> None:
        """Publish a result of an input of batch; headers replace its own."""
        made = result_message(
            _read(source), completed(), self._origin, ending(), self.rig.names.result(BATCH)
        )
        await self._outbox.publish(_with(made.on(0), headers))

    async def letter(
        self,
        source: Source,
        disposition: Disposition = Disposition.REFUSED,
        *,
        parked: bool = False,
    ) -> Message:
        """Publish a letter of an input of batch."""
        names = self.rig.names
        topic = names.parked(BATCH) if parked else names.dead_letters(BATCH)
        made = dead_letter_message(_read(source), failed(disposition), self._origin, topic, "0.1.0")
        await self._outbox.publish(made)
        return made

    async def replay(self, letter: Message, topic: str) -> tuple[int, int]:
        """Send a letter again; return the partition and offset of the replay."""
        sent = _with(replace(letter, topic=topic, partition=0), {"dlq.replay.count": b"1"})
        return await self._outbox.publish(sent)

    async def commit(self, group: str, topic: str, offset: int) -> None:
        """Commit for a group that nobody is in."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.rig.settings.kafka.bootstrap_servers,
            group_id=f"{self.rig.name}.{group}",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.commit({partition: offset})
        finally:
            await consumer.stop()

    async def delete(self, topic: str, before: int) -> None:
        """Delete the beginning of partition 0, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.rig.settings.kafka.bootstrap_servers)
        await admin.start()
        try:
            cut = {TopicPartition(topic, 0): RecordsToDelete(before_offset=before)}
            await admin.delete_records(cut)
        finally:
            await admin.close()

    async def found(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of audit
        """Audit; return what is not zero."""
        told = (await audit(self.rig.settings, **options)).report.as_json()
        told.pop("by_class")
        return {key: value for key, value in told.items() if value}

    @property
    def _origin(self) -> Any:  # noqa: ANN401 - an Origin
        return origin(app=self.rig.name, workload=BATCH)


def _read(source: Source) -> Record:
    topic, partition, offset = source
    now, value = time.time(), event(offset)
    return Record(
        topic=topic, partition=partition, offset=offset, timestamp=now, key=b"k", value=value
    )


def _with(message: Message, headers: Mapping[str, bytes]) -> Message:
    kept = tuple(pair for pair in message.headers if pair[0] not in headers)
    return replace(message, headers=kept + tuple(headers.items()))
