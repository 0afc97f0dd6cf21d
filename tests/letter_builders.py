"""Dead letters as the worker writes them, and as Kafka gives them back."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

from dataclasses import replace
from typing import Any

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message
from streams.record import Message
from streams.replay.letters import Letter, letter_of
from streams.source import letter_id, source_of
from tests.stream_builders import INPUT, WRITTEN_AT, failed, origin, record

TOPIC = "dlq.headrace.realtime"


def letter_message(
    disposition: Disposition = Disposition.REFUSED,
    *,
    topic: str = TOPIC,
    source_topic: str = INPUT,
    replays: int = 0,
    task: str = "label",
    workload: WorkloadClass = WorkloadClass.REALTIME,
    **changes: Any,
) -> Message:
    """A letter on its way to Kafka; `changes` are fields of the record that failed."""
    source = record(topic=source_topic, **changes)
    made = dead_letter_message(
        source, failed(disposition), origin(task=task, workload=workload), topic, "0.1.0"
    )
    if not replays:
        return made
    told = {"dlq.replay.count": str(replays), "dlq.id": letter_id(source_of(source), replays)}
    headers = tuple((n, told[n].encode() if n in told else v) for n, v in made.headers)
    return replace(made, headers=headers)


def letter(
    disposition: Disposition = Disposition.REFUSED,
    *,
    written_at: float = WRITTEN_AT,
    at: tuple[int, int] = (1, 9),
    **changes: Any,
) -> Letter:
    """A letter as it is read; `at` is its partition and offset."""
    message = letter_message(disposition, **changes)
    return letter_of(
        record(
            message.value,
            key=message.key,
            headers=message.headers,
            timestamp=written_at,
            topic=message.topic,
            partition=at[0],
            offset=at[1],
        )
    )
