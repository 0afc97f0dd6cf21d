"""Why a record could not become a result, and what its dead letter says."""

from enum import StrEnum


class Disposition(StrEnum):
    """The closed list of reasons: DLQ header, metric label and replay filter are this enum."""

    UNDECODABLE = "UNDECODABLE"
    SCHEMA_INVALID = "SCHEMA_INVALID"
    UNKNOWN_TASK = "UNKNOWN_TASK"
    TOO_LARGE = "TOO_LARGE"
    REQUEST_REJECTED = "REQUEST_REJECTED"
    REFUSED = "REFUSED"
    TRUNCATED = "TRUNCATED"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
    DEADLINE_EXPIRED = "DEADLINE_EXPIRED"
    REPLAY_CAP = "REPLAY_CAP"
    OPERATOR = "OPERATOR"


class Stage(StrEnum):
    """Where in the flow a record failed."""

    DECODE = "decode"
    CONTEXT = "context"
    PROMPT = "prompt"
    RESERVE = "reserve"
    CALL = "call"
    VALIDATE = "validate"
    PUBLISH = "publish"
    CRASH = "crash"


# Kafka 4.4 brokers write these names themselves for share groups; ours mean the same.
BROKER_HEADERS = tuple(
    f"__dlq.errors.{name}"
    for name in ("topic", "partition", "offset", "group", "delivery.count", "message")
)
OWN_HEADERS = tuple(
    f"dlq.{name}"
    for name in (
        "id",
        "disposition",
        "stage",
        "error.class",
        "error.type",
        "attempts.record",
        "attempts.dependency",
        "first.failure.time",
        "last.failure.time",
        "original.timestamp",
        "replay.count",
        "workload",
        "task",
        "task.version",
        "model",
        "request.id",
        "cost.microusd",
        "app.version",
    )
)
# What a replay says of itself, beside the facts of its letter.
JOB_HEADER, IGNORE_EXPIRY_HEADER = "dlq.replay.job", "dlq.replay.ignore.expiry"
# A mark in a replay topic: the replay itself went to the topic that this names.
SENT_TO_HEADER = "dlq.replay.sent.to"
# Headers of these names on an input are replaced in its dead letter; all others are kept.
LETTER_HEADERS = frozenset(
    (*BROKER_HEADERS, *OWN_HEADERS, JOB_HEADER, IGNORE_EXPIRY_HEADER, SENT_TO_HEADER)
)
# A letter whose second replay fails is parked.
MAX_REPLAYS = 2
