"""The base models: frozen, strict, closed."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of everything that goes over a wire."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class OutputModel(Model):
    """Base of what a task asks Claude for.

    Use what structured outputs support: required fields, enums, text, numbers, lists, nested
    models. Ranges and lengths are checked here, not by the API.
    """
