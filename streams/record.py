"""What is read from Kafka, and what is written to it."""

from dataclasses import dataclass, replace

Partition = tuple[str, int]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One Kafka record as it was read; `timestamp` is seconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def header(self, name: str) -> bytes | None:
        """Return the last header of that name."""
        return next((value for key, value in reversed(self.headers) if key == name), None)

    @property
    def size(self) -> int:
        """Bytes that the record keeps in memory, roughly."""
        return len(self.value or b"") + len(self.key or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the outbox publishes. A partition of None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None

    def on(self, partition: int) -> "Message":
        """Return the same message for one partition."""
        return replace(self, partition=partition)
