"""Compiles an output schema into nodes, once for each schema."""

from functools import lru_cache

import orjson

from agents.simulator.requests.schema_rules import Json, resolve
from agents.simulator.writing.arrays import Array
from agents.simulator.writing.kinds import kind_of
from agents.simulator.writing.nodes import (
    Choice,
    Fixed,
    Labels,
    Node,
    Number,
    Object,
    Text,
    Truth,
    Union,
)

DEEPEST = 40
MOST_NODES = 5_000
"""Schemas of tools that are not strict may recurse; beyond this everything is null."""


@lru_cache(maxsize=1_024)
def compile_schema(schema_json: bytes) -> Node:
    """Return the node of a whole schema."""
    root: Json = orjson.loads(schema_json)
    return _Compiler(root).node(root, "", "", 0)


class _Compiler:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._nodes = 0

    def node(self, schema: object, name: str, parent: str, depth: int) -> Node:
        self._nodes += 1
        if not isinstance(schema, dict) or depth > DEEPEST or self._nodes > MOST_NODES:
            return Fixed(None)
        schema = self._merged(schema, depth)
        if "const" in schema:
            return Fixed(schema["const"])
        if values := _list(schema.get("enum")):
            return _enum(values)
        if options := _list(schema.get("anyOf") or schema.get("oneOf")):
            shared = _shared(schema)
            parts = [{**shared, **_object(option)} for option in options]
            return self._union(parts, name, parent, depth)
        if kinds := _list(schema.get("type")):
            return self._union([{**schema, "type": kind} for kind in kinds], name, parent, depth)
        return self._typed(schema, name, parent, depth)

    def _typed(self, schema: Json, name: str, parent: str, depth: int) -> Node:
        kind = kind_of(name, parent)
        match schema.get("type", "object" if "properties" in schema else "string"):
            case "object":
                return self._object(schema, name or parent, depth)
            case "array":
                return self._array(schema, name or parent, depth)
            case "string":
                form, pattern = str(schema.get("format", "")), str(schema.get("pattern", ""))
                return Text(name, kind, form, pattern)
            case "number" | "integer" as number:
                return Number(kind, whole=number == "integer")
            case "boolean":
                return Truth(name)
        return Fixed(None)

    def _object(self, schema: Json, name: str, depth: int) -> Object:
        known, needed = _object(schema.get("properties")), _list(schema.get("required"))
        order = [key for key in known if key in needed] + [
            key for key in known if key not in needed
        ]
        nodes = tuple((key, self.node(known[key], key, name, depth + 1)) for key in order)
        return Object(name, nodes, frozenset(key for key in known if key not in needed))

    def _array(self, schema: Json, name: str, depth: int) -> Array:
        item = self.node(schema.get("items", {"type": "string"}), "", name, depth + 1)
        least = schema.get("minItems", 0)
        return Array(kind_of(name), item, least if isinstance(least, int) else 0)

    def _union(self, options: list[Json], name: str, parent: str, depth: int) -> Node:
        nodes = [self.node(option, name, parent, depth + 1) for option in options]
        chosen = [node for node in nodes if not (isinstance(node, Fixed) and node.value is None)]
        if not chosen:
            return Fixed(None)
        return Union(tuple(chosen), nullable=len(chosen) < len(nodes))

    def _merged(self, schema: Json, depth: int) -> Json:
        """Follow a reference and fold `allOf` in."""
        for _ in range(DEEPEST - depth):
            if "$ref" not in schema:
                break
            target = resolve(self._root, str(schema["$ref"])) or {}
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **rest}
        parts = [_object(part) for part in _list(schema.get("allOf"))]
        if not parts:
            return schema
        return self._folded([{key: schema[key] for key in schema if key != "allOf"}, *parts], depth)

    def _folded(self, parts: list[Json], depth: int) -> Json:
        folded: Json = {}
        properties: Json = {}
        required: list[object] = []
        for part in parts:
            merged = self._merged(part, depth + 1)
            properties |= _object(merged.get("properties"))
            required += _list(merged.get("required"))
            folded |= merged
        if properties:
            folded |= {"properties": properties, "required": required}
        return folded


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _enum(values: list[object]) -> Node:
    texts = [value for value in values if isinstance(value, str)]
    rest = [value for value in values if value is not None]
    if texts and len(texts) == len(rest):
        labels = Labels(texts)
        return labels if len(rest) == len(values) else Union((labels,), nullable=True)
    return Choice(tuple(values))


def _shared(schema: Json) -> Json:
    """Return what stands beside `anyOf`: it holds for every option."""
    return {key: schema[key] for key in ("type", "properties", "required") if key in schema}
