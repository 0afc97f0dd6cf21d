"""Content blocks of a request, as strict as the API takes them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

STRING_TAG = "<string>"
BLOCKS_TAG = "<blocks>"
"""Names of the two forms of content; they are left out of error messages."""


class Wire(BaseModel):
    """A JSON object that takes no unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CacheControl(Wire):
    """A prompt cache mark."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextBlock(Wire):
    """Plain text."""

    type: Literal["text"]
    text: str
    cache_control: CacheControl | None = None
    citations: list[dict[str, object]] | None = None


class ImageBlock(Wire):
    """An image; counted as a fixed number of tokens."""

    type: Literal["image"]
    source: dict[str, object]
    cache_control: CacheControl | None = None


class DocumentBlock(Wire):
    """A document with its source."""

    type: Literal["document"]
    source: dict[str, object]
    title: str | None = None
    context: str | None = None
    citations: dict[str, object] | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(Wire):
    """Thinking of an earlier turn, sent back; it carries no cache mark."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(Wire):
    """Encrypted thinking of an earlier turn; it carries no cache mark."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(Wire):
    """A call of a tool that an earlier answer asked for."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, object]
    cache_control: CacheControl | None = None


def content_form(value: object) -> str:
    """Tell which of the two forms of content this is."""
    return STRING_TAG if isinstance(value, str) else BLOCKS_TAG


type_field = Discriminator("type")
Shown = Annotated[TextBlock | ImageBlock | DocumentBlock, type_field]


class ToolResultBlock(Wire):
    """What a tool gave back."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: (
        Annotated[
            Annotated[str, Tag(STRING_TAG)] | Annotated[list[Shown], Tag(BLOCKS_TAG)],
            Discriminator(content_form),
        ]
        | None
    ) = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


Block = Annotated[
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolResultBlock,
    type_field,
]
Content = Annotated[
    Annotated[str, Tag(STRING_TAG)] | Annotated[list[Block], Tag(BLOCKS_TAG)],
    Discriminator(content_form),
]
System = Annotated[
    Annotated[str, Tag(STRING_TAG)] | Annotated[list[TextBlock], Tag(BLOCKS_TAG)],
    Discriminator(content_form),
]


class Message(Wire):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: Content


class Tool(Wire):
    """A tool the client runs; tools that the service runs are not simulated."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    input_schema: dict[str, object]
    type: Literal["custom"] | None = None
    description: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    eager_input_streaming: bool | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    input_examples: list[dict[str, object]] | None = None
