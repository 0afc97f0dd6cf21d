"""What producers publish: interactions and documents."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    model_validator,
)

from schemas.base import Model

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _dated(value: object) -> object:
    """Refuse numbers, also as text: pydantic reads them as seconds since the epoch."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("a time is a text with a zone, such as 2026-11-22T12:00:00Z")


def _not_blank(value: str) -> str:
    if not value or value.isspace():
        raise ValueError("must not be blank")
    return value


# Strict mode would refuse the text form of a time in an already parsed object.
Timestamp = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_dated)]
Text = Annotated[str, AfterValidator(_not_blank)]
EventId = Annotated[str, Field(min_length=1, max_length=256)]


class Message(Model):
    """One turn of a conversation."""

    role: Literal["customer", "agent"]
    text: str


class _Event(Model):
    id: EventId
    task: str | None = None
    occurred_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    attributes: dict[str, JsonValue] = Field(default_factory=dict)


class Interaction(_Event):
    """A live customer message, or a conversation. Exactly one of `text` and `messages`."""

    text: Text | None = None
    messages: Annotated[tuple[Message, ...], Field(strict=False, min_length=1)] | None = None
    customer_id: str | None = None
    conversation_id: str | None = None
    channel: str | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if (self.text is None) == (self.messages is None):
            raise ValueError("give either text or messages")
        if self.messages is not None and not any(m.text.strip() for m in self.messages):
            raise ValueError("at least one message must not be blank")
        return self

    @property
    def body(self) -> str:
        """The text for the prompt; a conversation has one line a turn, named by role."""
        if self.text is not None:
            return self.text
        return "\n".join(f"{turn.role}: {turn.text}" for turn in self.messages or ())

    @property
    def key(self) -> str:
        """The Kafka key that keeps a conversation in order."""
        return self.conversation_id or self.customer_id or self.id


class Job(Model):
    """The batch job that a document belongs to; `size` is its number of documents."""

    id: str
    size: Annotated[int, Field(ge=1)]


class Document(_Event):
    """A document to read."""

    text: Text
    title: str | None = None
    content_type: str | None = None
    job: Job | None = None

    @property
    def body(self) -> str:
        """The text for the prompt; a title stands on the first line."""
        return f"{self.title}\n\n{self.text}" if self.title else self.text

    @property
    def key(self) -> str:
        """The Kafka key."""
        return self.id


Event = Interaction | Document
