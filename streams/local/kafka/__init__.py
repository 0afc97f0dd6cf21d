"""A real Apache Kafka on this machine, without Docker."""

from streams.local.kafka.cluster import LocalKafka
from streams.local.kafka.errors import LocalKafkaError

__all__ = ["LocalKafka", "LocalKafkaError"]
