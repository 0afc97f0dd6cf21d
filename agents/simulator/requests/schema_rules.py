"""What an output schema may hold: structured outputs take a part of JSON Schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import orjson

FORMATS = frozenset(
    "date-time time date duration email hostname uri ipv4 ipv6 uuid".split()  # noqa: SIM905 - a list of words reads better
)
KEYS = frozenset(
    "type enum const anyOf allOf $ref $defs definitions default required properties items "  # noqa: SIM905 - a list of words reads better
    "additionalProperties format pattern minItems title description examples $schema $id".split()
)
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
PATTERN_BARS = (
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "\\b",
    "\\B",
    "(?P=",
    *(f"\\{n}" for n in range(1, 10)),
)
MAX_OPTIONAL = 24
MAX_UNIONS = 16
MAX_SCHEMA_BYTES = 60_000
"""The real limit is internal and not published."""
MAX_DEPTH = 60
MAX_PARTS = 20_000
TOO_COMPLEX = "Schema is too complex for compilation."

Json = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Complexity:
    """What a schema adds to the limits of a request."""

    optional: int = 0
    unions: int = 0
    problem: str | None = None
    """What the API would say, when it does not take the schema."""


@lru_cache(maxsize=1_024)
def inspect(schema_json: bytes) -> Complexity:
    """Check a schema, given as bytes so that each one is looked at once."""
    if len(schema_json) > MAX_SCHEMA_BYTES:
        return Complexity(problem=TOO_COMPLEX)
    walk = _Walk(orjson.loads(schema_json))
    for problem in walk.problems():
        return Complexity(problem=problem)
    return Complexity(optional=walk.optional, unions=walk.unions)


def check_together(schemas: list[bytes]) -> str | None:
    """Check all strict schemas of one request, alone and by their sums."""
    found = [inspect(schema) for schema in schemas]
    for one in found:
        if one.problem:
            return one.problem
    optional, unions = sum(one.optional for one in found), sum(one.unions for one in found)
    if optional > MAX_OPTIONAL:
        return f"Too many optional parameters in schemas ({optional}); at most {MAX_OPTIONAL}."
    if unions > MAX_UNIONS:
        return f"Too many parameters with union types in schemas ({unions}); at most {MAX_UNIONS}."
    return None


class _Walk:
    """One look at a schema: yields problems, counts optional properties and unions."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self.optional = 0
        self.unions = 0
        self._parts = 0

    def problems(self) -> Iterator[str]:
        yield from self._schema(self._root, "output_config.format.schema", ())

    def _schema(self, schema: object, path: str, refs: tuple[str, ...]) -> Iterator[str]:
        self._parts += 1
        if self._parts > MAX_PARTS:
            yield TOO_COMPLEX
            return
        if not isinstance(schema, dict):
            yield f"{path}: Input should be a valid dictionary"
            return
        yield from _keywords(schema, path)
        if "$ref" in schema:
            yield from self._reference(schema, path, refs)
        kind = schema.get("type")
        if isinstance(kind, list) or "anyOf" in schema:
            self.unions += 1
        if kind == "object" or "properties" in schema:
            yield from self._object(schema, path, refs)
        if "items" in schema:
            yield from self._schema(schema["items"], f"{path}.items", refs)
        for key in ("anyOf", "allOf"):
            yield from self._options(schema, key, path, refs)

    def _options(self, schema: Json, key: str, path: str, refs: tuple[str, ...]) -> Iterator[str]:
        options = schema.get(key, [])
        if not isinstance(options, list) or (key in schema and not options):
            yield f"{path}.{key}: Input should be a valid list"
            return
        for number, option in enumerate(options):
            if key == "allOf" and isinstance(option, dict) and "$ref" in option:
                yield f"{path}.allOf: allOf with $ref is not supported"
            yield from self._schema(option, f"{path}.{key}.{number}", refs)

    def _object(self, schema: Json, path: str, refs: tuple[str, ...]) -> Iterator[str]:
        if schema.get("additionalProperties") is not False:
            yield (
                f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            yield f"{path}: 'properties' must be an object and 'required' a list"
            return
        for name in required:
            if name not in properties:
                yield f"{path}: required property '{name}' is not in properties"
        self.optional += len(properties) - len(required)
        for name, child in properties.items():
            yield from self._schema(child, f"{path}.properties.{name}", refs)

    def _reference(self, schema: Json, path: str, refs: tuple[str, ...]) -> Iterator[str]:
        name = schema["$ref"]
        if not isinstance(name, str) or not name.startswith("#"):
            yield f"{path}: external $ref '{name}' is not supported"
            return
        if name in refs or name == "#" or len(refs) > MAX_DEPTH:
            yield f"{path}: recursive schemas are not supported ({name})"
            return
        target = resolve(self._root, name)
        if target is None:
            yield f"{path}: $ref '{name}' cannot be resolved"
            return
        yield from self._schema(target, path, (*refs, name))


def resolve(root: Json, reference: str) -> Json | None:
    """Follow a local reference such as `#/$defs/Name`; None when it leads nowhere."""
    target: object = root
    for step in reference.lstrip("#/").split("/"):
        if not isinstance(target, dict):
            return None
        target = target.get(step.replace("~1", "/").replace("~0", "~"))
    return target if isinstance(target, dict) else None


def _keywords(schema: Json, path: str) -> Iterator[str]:
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind] if kind is not None else []
    for one in kinds:
        if one not in TYPES:
            yield f"{path}.type: '{one}' is not supported"
    shown = kinds[0] if kinds else "schema"
    for key in schema:
        if key not in KEYS:
            yield f"{path}: For '{shown}' type, property '{key}' is not supported"
    yield from _values(schema, path)


def _values(schema: Json, path: str) -> Iterator[str]:
    if schema.get("minItems", 0) not in (0, 1):
        yield f"{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if "format" in schema and schema["format"] not in FORMATS:
        yield f"{path}: For 'string' type, format '{schema['format']}' is not supported"
    pattern = schema.get("pattern", "")
    if not isinstance(pattern, str) or any(bar in pattern for bar in PATTERN_BARS):
        yield f"{path}: pattern '{pattern}' is not supported"
    enum = schema.get("enum", [""])
    if not isinstance(enum, list) or not enum:
        yield f"{path}: enum must have at least one value"
    elif any(isinstance(value, dict | list) for value in enum):
        yield f"{path}: enum values must be scalars"
