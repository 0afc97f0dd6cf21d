"""What is written when a letter is dealt with: its replay, the mark of one, its rest."""

from dataclasses import replace

from schemas.dead_letter import IGNORE_EXPIRY_HEADER, JOB_HEADER, SENT_TO_HEADER, Disposition
from streams.envelope import MAX_MESSAGE_CHARACTERS
from streams.record import Headers, Message
from streams.replay.letters import Letter

_OF_A_REPLAY = frozenset(
    {"dlq.replay.count", JOB_HEADER, IGNORE_EXPIRY_HEADER, SENT_TO_HEADER},
)


def replay_message(letter: Letter, topic: str, job: str, *, ignore_expiry: bool) -> Message:
    """Build a replay: value, key and headers of the letter, one replay further.

    `dlq.id` stays the letter's: it proves that source and count belong together.
    """
    kept = tuple(pair for pair in letter.record.headers if pair[0] not in _OF_A_REPLAY)
    added: Headers = (
        ("dlq.replay.count", str(letter.source.replays + 1).encode()),
        (JOB_HEADER, job.encode()),
    )
    if ignore_expiry:
        added += ((IGNORE_EXPIRY_HEADER, b"true"),)
    record = letter.record
    return Message(topic=topic, key=record.key, value=record.value, headers=kept + added)


def mark_of(replay: Message, topic: str) -> Message:
    """Build the mark in the replay topic of a replay that went to an input topic.

    It keeps the letter from being open, so that nobody has to read the input topics to know.
    """
    headers = (*replay.headers, (SENT_TO_HEADER, replay.topic.encode()))
    return replace(replay, topic=topic, value=None, headers=headers)


def parked_message(letter: Letter, topic: str, reason: str) -> Message:
    """Build the last record of a letter that a person has dealt with.

    It names the source always: by that it is known to be the end of this letter.
    """
    source = letter.source
    told = {
        "__dlq.errors.topic": source.topic,
        "__dlq.errors.partition": str(source.partition),
        "__dlq.errors.offset": str(source.offset),
        "dlq.disposition": Disposition.OPERATOR,
        "dlq.error.type": letter.facts.get("dlq.disposition", ""),
        "__dlq.errors.message": reason[:MAX_MESSAGE_CHARACTERS],
    }
    kept = tuple(pair for pair in letter.record.headers if pair[0] not in told)
    added = tuple((name, value.encode()) for name, value in told.items() if value)
    record = letter.record
    return Message(topic=topic, key=record.key, value=record.value, headers=kept + added)
