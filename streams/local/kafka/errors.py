"""What can be wrong with a local Kafka."""

from schemas.problem import Problem

NEEDS_EXTRA = "a local Kafka needs the extra `local`: pip install 'headrace[local]'"


class LocalKafkaError(Problem):
    """Something a person has to put right; the message says what."""
