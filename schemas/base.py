"""The base models: frozen, strict, closed."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of everything that goes over a wire."""

    # JSON has no NaN: pydantic would read it and write it back as null.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class OutputModel(Model):
    """Base of what a task asks Claude for.

    Use what structured outputs support: required fields, enums, text, numbers, lists, nested
    models. Ranges and lengths are checked here, not by the API.
    """
