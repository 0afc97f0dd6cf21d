"""The bodies of `POST /v1/messages` and `/v1/messages/count_tokens`."""

from typing import Literal, TypeVar

import orjson
from pydantic import Field, ValidationError

from agents.simulator.requests.blocks import (
    BLOCKS_TAG,
    STRING_TAG,
    CacheControl,
    Message,
    System,
    Tool,
    Wire,
)
from agents.simulator.requests.errors import ApiError

Effort = Literal["low", "medium", "high", "xhigh", "max"]


class Format(Wire):
    """The schema the answer must satisfy."""

    type: Literal["json_schema"]
    schema_: dict[str, object] = Field(alias="schema")


class OutputConfig(Wire):
    """How much to think, and the form of the answer."""

    effort: Effort | None = None
    format: Format | None = None


class Thinking(Wire):
    """Whether and how to think."""

    type: Literal["adaptive", "disabled", "between_tools", "enabled"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class ToolChoice(Wire):
    """Whether a tool must be used."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Metadata(Wire):
    """An opaque name of the end user."""

    user_id: str | None = None


class Diagnostics(Wire):
    """Asks why the prompt cache missed."""

    previous_message_id: str | None = None


class CountBody(Wire):
    """What both endpoints take. Explicit nulls are the same as absent keys."""

    model: str
    messages: list[Message]
    system: System | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    speed: Literal["standard", "fast"] | None = None

    @property
    def effort(self) -> Effort | None:
        """The effort asked for, if any."""
        return self.output_config.effort if self.output_config else None

    @property
    def output_schema(self) -> dict[str, object] | None:
        """The schema of the answer, if any."""
        if self.output_config and self.output_config.format:
            return self.output_config.format.schema_
        return None

    @property
    def forced_tool(self) -> bool:
        """Whether the answer must use a tool."""
        return self.tool_choice is not None and self.tool_choice.type in {"any", "tool"}


class MessagesBody(CountBody):
    """What only `POST /v1/messages` takes; sampling keys are taken by some versions."""

    max_tokens: int = Field(ge=0)
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: Literal["global", "us"] | None = None
    metadata: Metadata | None = None
    diagnostics: Diagnostics | None = None
    container: str | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None


B = TypeVar("B", bound=CountBody)


def parse_json(raw: bytes) -> object:
    """Read a JSON body; anything else is a 400."""
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The request body is not valid JSON: {error}") from error
    return value


def parse_body(kind: type[B], value: object) -> B:
    """Check the shape of a body; the first problem becomes the 400, as `path: what is wrong`."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ApiError(400, describe(first["loc"], first["msg"])) from error


def describe(path: tuple[int | str, ...], message: str) -> str:
    """Write a problem the way the API does, without the names of our own classes."""
    shown = ".".join(str(step) for step in path if step not in {STRING_TAG, BLOCKS_TAG})
    message = message.partition(" or instance of ")[0]
    return f"{shown}: {message}" if shown else message
