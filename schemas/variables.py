"""Environment variables of settings: which one a wrong value came from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import isclass
from typing import Any, get_origin

import orjson
from pydantic import BaseModel

PREFIX = "HEADRACE_"
CONFIG_VARIABLE = "HEADRACE_CONFIG"
Key = tuple[str | int, ...]


def named(environ: Mapping[str, str]) -> Iterator[tuple[str, Key]]:
    """Yield our variables and the keys that they set."""
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name.upper() != CONFIG_VARIABLE:
            yield name, tuple(name.upper().removeprefix(PREFIX).lower().split("__"))


def origins(key: Sequence[str | int], environ: Mapping[str, str]) -> list[str]:
    """Return the variables that set this key, or keys of this section."""
    wanted = tuple(key)
    return [
        name
        for name, path in named(environ)
        if path[: len(wanted)] == wanted
        or (wanted[: len(path)] == path and _holds(environ[name], wanted[len(path) :]))
    ]


def not_json(root: type[BaseModel], environ: Mapping[str, str]) -> list[str]:
    """Return the variables of tables and lists that are not JSON."""
    return [
        name
        for name, path in named(environ)
        if _is_structure(root, path) and _parsed(environ[name]) is None
    ]


def _holds(value: str, rest: Iterable[str | int]) -> bool:
    """Whether a variable's JSON has the rest of a key; a list replaces what the file says."""
    inner = _parsed(value)
    for part in rest:
        if not isinstance(inner, dict):
            return True
        if part not in inner:
            return False
        inner = inner[part]
    return True


def _parsed(value: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _is_structure(model: type[BaseModel], path: Iterable[str | int]) -> bool:
    inner: Any = model
    for part in path:
        if not (isclass(inner) and issubclass(inner, BaseModel) and part in inner.model_fields):
            return False
        inner = inner.model_fields[str(part)].annotation
    return get_origin(inner) in (tuple, dict) or (isclass(inner) and issubclass(inner, BaseModel))
