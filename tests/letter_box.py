"""Dead letters in the topics of a test's rig, without a worker that fails."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.browsing import read_all
from streams.outbox import Outbox
from streams.record import Record
from streams.replay.letters import letter_of
from tests.harness import PARTITIONS, Rig, event
from tests.letter_builders import letter_message

REALTIME = WorkloadClass.REALTIME


# Kafka's times are of milliseconds, and a broker can take more than one record in one.
MILLISECOND_S = 0.002


async def write_letters(
    rig: Rig,
    numbers: Iterable[int],
    disposition: Disposition = Disposition.REFUSED,
    workload: WorkloadClass = REALTIME,
    **changes: Any,  # noqa: ANN401 - fields of the failed record
) -> None:
    """Write one letter a number, in order of time, round the partitions of the source."""
    names = rig.names
    outbox = Outbox(rig.settings.kafka)
    await outbox.start()
    try:
        for number in numbers:
            of: dict[str, Any] = {
                "partition": number % PARTITIONS,
                "offset": number,
                "key": f"evt-{number}".encode(),
                "value": event(number),
            }
            message = letter_message(
                disposition,
                topic=names.dead_letters(workload),
                source_topic=names.input(workload),
                workload=workload,
                **of | changes,
            )
            await outbox.publish(message)
            await asyncio.sleep(MILLISECOND_S)
    finally:
        await outbox.stop()


async def records(rig: Rig, *topics: str) -> list[Record]:
    """Return all that is in the topics now, in order of time."""
    found = [record async for record in read_all(rig.settings, topics)]
    return sorted(found, key=lambda record: (record.timestamp, record.offset))


async def listed(rig: Rig, *filters: str) -> list[int]:
    """Return the numbers of the open letters, as `dlq ls` lists them."""
    done = await rig.headrace("dlq", "ls", "--json", *filters)
    assert done.status == 0, done.err
    rows = [orjson.loads(line) for line in done.out.splitlines()]
    return [int(row["event_id"].removeprefix("evt-")) for row in rows]


async def replayed(rig: Rig, workload: WorkloadClass = REALTIME) -> Counter[str]:
    """Return how often each source is in the replay topic."""
    found = await records(rig, rig.names.replay(workload))
    return Counter(str(letter_of(record).source) for record in found)
