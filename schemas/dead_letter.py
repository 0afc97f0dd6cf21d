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
BROKER_PREFIX = "__dlq.errors."
OWN_PREFIX = "dlq."


def is_dead_letter_header(name: str) -> bool:
    """Whether a header is one of ours; on an input such a header is replaced."""
    return name.startswith((BROKER_PREFIX, OWN_PREFIX))
