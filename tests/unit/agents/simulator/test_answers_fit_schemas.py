"""Whatever the schema and the text: the answer satisfies the schema and quotes are verbatim."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.simulator.requests.schema_rules import inspect
from agents.simulator.writing.answer import answer_json
from tests.unit.agents.simulator.schemas_strategy import satisfies, schemas

TEXTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "",
            "I was charged twice on 3 May 2026, please refund $45.50 to Acme Ltd. I am angry!",
            "TOTAL: 12.00\nACME SDN BHD\n12 Main Street\n12345 Springfield\n25/12/2018",
            "Wo ist meine Karte? Ich habe sie noch nicht bekommen.",
        ]
    ),
)


@given(schemas, TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_answer_satisfies_its_schema(schema: dict[str, object], text: str) -> None:
    answer = answer_json(orjson.dumps(schema), [f"<event>{text}</event>"])
    assert satisfies(orjson.loads(answer), schema, schema)
    assert answer == answer_json(orjson.dumps(schema), [f"<event>{text}</event>"])


@given(schemas)
@settings(max_examples=100, deadline=None)
def test_the_strategy_makes_schemas_that_the_api_takes(schema: dict[str, object]) -> None:
    assert inspect(orjson.dumps(schema)).problem is None


FACTS = {
    "type": "object",
    "properties": {
        name: {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"value": {"type": "string"}, "quote": {"type": "string"}},
                "required": ["value", "quote"],
                "additionalProperties": False,
            },
        }
        for name in ("parties", "dates", "amounts", "addresses")
    },
    "required": ["parties", "dates", "amounts", "addresses"],
    "additionalProperties": False,
}

PIECES = st.sampled_from(
    [
        "Acme Ltd",
        "BOOK TA .K(TAMAN DAYA) SDN BHD",
        "MR. D.I.Y. (KUCHAI) SDN BHD",
        "12 Main Street",
        "81100 JOHOR BAHRU,",
        "25/12/2018 8:13:39 PM",
        "October 11, 2019",
        "TOTAL:",
        "9.00",
        "$1,234.56",
        "effective as of",
        "the parties agree. ",
        "\n",
        "   ",
        "x" * 200,
        "\n\n",
        ", ",
        "“é中”",
    ]
)


@given(st.lists(PIECES, max_size=40))
@settings(max_examples=300, deadline=None)
def test_every_quote_is_verbatim_and_holds_its_value(pieces: list[str]) -> None:
    text = " ".join(pieces).strip()
    facts = orjson.loads(answer_json(orjson.dumps(FACTS), [f"<event>\n{text}\n</event>"]))
    for fact in [fact for found in facts.values() for fact in found]:
        assert fact["quote"] in text
        assert fact["value"] in text
        assert 0 < len(fact["quote"]) <= 160
        assert fact["value"][:160].strip() in fact["quote"]


@pytest.mark.parametrize("name", ["self", "pair"])
def test_schemas_of_tools_may_recurse(name: str) -> None:
    one = {"$ref": "#"}
    children = {"self": {"next": one}, "pair": {"left": one, "right": one}}[name]
    schema = {"type": "object", "properties": children, "required": list(children)}
    assert orjson.loads(answer_json(orjson.dumps(schema), ["x"]))
