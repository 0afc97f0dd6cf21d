import orjson
import pytest

from agents.simulator.requests.schema_rules import check_together, inspect

STRING = {"type": "string"}


def of(properties: dict[str, object], required: list[str] | None = None) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def problem(schema: object) -> str | None:
    return inspect(orjson.dumps(schema)).problem


RECURSIVE = {
    "$defs": {"Node": of({"next": {"$ref": "#/$defs/Node"}})},
    **of({"head": {"$ref": "#/$defs/Node"}}),
}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "integer", "minimum": 0}, "For 'integer' type, property 'minimum' is not"),
        ({"type": "number", "maximum": 1}, "property 'maximum' is not supported"),
        ({"type": "number", "multipleOf": 2}, "property 'multipleOf' is not supported"),
        ({"type": "string", "minLength": 1}, "property 'minLength' is not supported"),
        ({"type": "string", "maxLength": 9}, "property 'maxLength' is not supported"),
        ({"type": "array", "items": STRING, "maxItems": 3}, "property 'maxItems' is not"),
        ({"type": "array", "items": STRING, "minItems": 2}, "other than 0 or 1"),
        ({"oneOf": [STRING]}, "property 'oneOf' is not supported"),
        ({"type": "object", "properties": {}}, "'additionalProperties' must be explicitly set"),
        ({**of({}), "additionalProperties": STRING}, "'additionalProperties' must be explicitly"),
        (of({"a": {"type": "object", "properties": {}}}), "properties.a: For 'object' type"),
        ({"type": "text"}, "type: 'text' is not supported"),
        ({"type": "string", "format": "phone"}, "format 'phone' is not supported"),
        ({"type": "string", "pattern": "(?=a)"}, "pattern '(?=a)' is not supported"),
        ({"type": "string", "pattern": "(a)\\1"}, "is not supported"),
        ({"enum": []}, "at least one value"),
        ({"enum": [{"a": 1}]}, "must be scalars"),
        (of({}, ["ghost"]), "required property 'ghost'"),
        (RECURSIVE, "recursive schemas are not supported"),
        (of({"self": {"$ref": "#"}}), "recursive schemas are not supported"),
        (of({"far": {"$ref": "https://example.com/s.json"}}), "external $ref"),
        (of({"lost": {"$ref": "#/$defs/Lost"}}), "cannot be resolved"),
        ({"$defs": {"S": STRING}, "allOf": [{"$ref": "#/$defs/S"}]}, "allOf with $ref"),
        ({"anyOf": []}, "anyOf: Input should be a valid list"),
        ({"type": "array", "items": 5}, "items: Input should be a valid dictionary"),
        (of({f"p{n}" * 50: STRING for n in range(500)}), "too complex"),
    ],
)
def test_is_turned_away(schema: object, message: str) -> None:
    assert message in str(problem(schema))


@pytest.mark.parametrize(
    "schema",
    [
        of({"a": {"enum": ["x", 1, None, True]}, "b": {"const": "c"}}),
        of({"a": {"anyOf": [STRING, {"type": "null"}]}, "b": {"type": ["string", "null"]}}),
        of({"a": {"type": "array", "items": STRING, "minItems": 1}}),
        of({"a": {"type": "string", "format": "date", "description": "d", "title": "t"}}),
        of({"a": {"type": "string", "pattern": "^[A-Z]{3}$", "default": "ABC"}}),
        {"$defs": {"S": STRING}, **of({"a": {"$ref": "#/$defs/S"}, "b": {"$ref": "#/$defs/S"}})},
        {"allOf": [of({"a": STRING}), of({"b": STRING})]},
    ],
)
def test_is_taken(schema: object) -> None:
    assert problem(schema) is None


def test_optional_properties_add_up_over_a_request() -> None:
    half = orjson.dumps(of({f"p{n}": STRING for n in range(12)}, []))
    one = orjson.dumps(of({"p": STRING}, []))
    assert check_together([half, half]) is None
    assert "Too many optional parameters in schemas (25)" in str(check_together([half, half, one]))


def test_unions_add_up_over_a_request() -> None:
    union = {"anyOf": [STRING, {"type": "null"}]}
    many = orjson.dumps(of({f"p{n}": union for n in range(16)}))
    one = orjson.dumps(of({"p": {"type": ["string", "null"]}}))
    assert check_together([many]) is None
    assert "Too many parameters with union types in schemas (17)" in str(
        check_together([many, one])
    )


def test_references_that_multiply_end_quickly() -> None:
    layers = {
        f"L{n}": of({side: {"$ref": f"#/$defs/L{n + 1}"} for side in "ab"}) for n in range(30)
    }
    layers["L30"] = of({})
    assert problem({"$defs": layers, "$ref": "#/$defs/L0"}) == (
        "Schema is too complex for compilation."
    )
