"""Random output schemas that the API takes, and a check of a value against one."""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time
from uuid import UUID

from hypothesis import strategies as st

Json = dict[str, object]

WORDS = """value quote evidence confidence date due_date total amount party company address reply
summary reason label category language currency tags next_actions needs_human is_urgent count score
parties amounts email notes x"""
NAMES = st.sampled_from(WORDS.split())
LABELS = st.lists(
    st.text("abcdefgh_ ", min_size=1, max_size=8), min_size=1, max_size=6, unique=True
)
SMALL = st.integers(-(2**40), 2**40)
PATTERNS = ["^[A-Z]{3}$", r"^\d{4}-\d{2}$", "^(yes|no)$", "[a-z]+@x", "^a?b*c+$", r"^#\w{6}$"]

FORM_CHECKS: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uuid": UUID,
    "uri": re.compile(r"https?://\S+").fullmatch,
    "email": re.compile(r"\S+@\S+").fullmatch,
    "duration": re.compile(r"P\d+D").fullmatch,
    "hostname": re.compile(r"[a-z.]+").fullmatch,
}
FORMATS = list(FORM_CHECKS)

scalars = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "number"}),
    st.just({"type": "integer"}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda form: {"type": "string", "format": form}, st.sampled_from(FORMATS)),
    st.builds(lambda pattern: {"type": "string", "pattern": pattern}, st.sampled_from(PATTERNS)),
    st.builds(lambda labels: {"type": "string", "enum": labels}, LABELS),
    st.builds(lambda labels: {"enum": [*labels, None]}, LABELS),
    st.builds(lambda values: {"enum": values}, st.lists(SMALL, min_size=1, unique=True)),
    st.builds(lambda value: {"const": value}, st.none() | st.booleans() | st.text(max_size=5)),
    st.just({"$ref": "#/$defs/Fact"}),
    st.just({"type": ["string", "null"]}),
)


def _object(properties: Json, optional: set[str]) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _objects(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(_object, st.dictionaries(NAMES, inner, max_size=5), st.sets(NAMES))


def _deeper(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.one_of(
        _objects(inner),
        st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least},
            inner,
            st.integers(0, 1),
        ),
        st.builds(lambda one: {"anyOf": [one, {"type": "null"}]}, inner),
        st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner),
        st.builds(lambda one: {"allOf": [one, {"description": "more"}]}, _objects(inner)),
    )


FACT = _object({"value": {"type": "string"}, "quote": {"type": "string"}}, set())
schemas = _objects(st.recursive(scalars, _deeper, max_leaves=12)).map(
    lambda schema: {**schema, "$defs": {"Fact": FACT}}
)


def satisfies(value: object, schema: Json, root: Json) -> bool:
    """Check the part of JSON Schema that structured outputs take."""
    if "$ref" in schema:
        return satisfies(value, root["$defs"]["Fact"], root)  # type: ignore[index] # our own schema
    if "anyOf" in schema:
        return any(satisfies(value, option, root) for option in schema["anyOf"])  # type: ignore[attr-defined]
    if "allOf" in schema:
        return all(satisfies(value, part, root) for part in schema["allOf"])  # type: ignore[attr-defined]
    if "const" in schema:
        return value == schema["const"] and type(value) is type(schema["const"])
    if "enum" in schema:
        return value in schema["enum"]  # type: ignore[operator] # our own schema
    kinds = schema.get("type", "any")
    return any(_is(value, kind, schema, root) for kind in _listed(kinds))


def _listed(kinds: object) -> list[object]:
    return kinds if isinstance(kinds, list) else [kinds]


def _is(value: object, kind: object, schema: Json, root: Json) -> bool:
    if isinstance(value, bool) or value is None:
        return kind in {"any", "boolean" if isinstance(value, bool) else "null"}
    if kind == "string":
        return isinstance(value, str) and _has_form(value, schema)
    if kind == "array":
        return isinstance(value, list) and _items(value, schema, root)
    if kind == "object":
        return isinstance(value, dict) and _properties(value, schema, root)
    return kind == "any" or isinstance(value, int if kind == "integer" else int | float)


def _items(value: list[object], schema: Json, root: Json) -> bool:
    enough = len(value) >= schema.get("minItems", 0)  # type: ignore[operator] # our own schema
    return enough and all(satisfies(item, schema["items"], root) for item in value)  # type: ignore[arg-type]


def _properties(value: Json, schema: Json, root: Json) -> bool:
    known: Json = schema["properties"]  # type: ignore[assignment] # our own schema
    required = schema["required"]
    complete = set(required) <= set(value) <= set(known)  # type: ignore[call-overload]
    return complete and all(satisfies(value[name], known[name], root) for name in value)  # type: ignore[arg-type]


def _has_form(value: str, schema: Json) -> bool:
    """A date that is none raises, which fails the test as well."""
    if "pattern" in schema:
        return re.search(str(schema["pattern"]), value) is not None
    return "format" not in schema or FORM_CHECKS[str(schema["format"])](value) is not None
