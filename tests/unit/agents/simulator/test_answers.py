"""Answers read as if somebody had read the text."""

from collections.abc import Callable, Sequence

import orjson
import pytest

from agents.simulator.writing.answer import answer_json, answer_text

Json = dict[str, object]
STRING: Json = {"type": "string"}
RECEIPT = """BOOK TA .K(TAMAN DAYA) SDN BHD
NO.53 55,57 & 59, JALAN SAGU 18,
81100 JOHOR BAHRU,
DATE:
25/12/2018 8:13:39 PM
KF MODELLING CLAY
8.50
TOTAL:
RM 9.00
CASH
10.00
CHANGE
1.00"""
CONTRACT = (
    "This Agreement is made between Reed's, Inc., a Delaware corporation (\"Reed's\") and B C "
    "Marketing Concepts Inc., an Oregon corporation, effective as of October 11, 2019. "
    "The fee is US$ 25,000.00 for each year. Office: 7 Sirius Road, Lane Cove."
)


def answer(properties: Json, text: str | Sequence[str], **changes: object) -> Json:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **changes,
    }
    texts = [f"<event>{text}</event>"] if isinstance(text, str) else text
    found: Json = orjson.loads(answer_json(orjson.dumps(schema), texts))
    return found


def one(name: str, schema: Json, text: str | Sequence[str]) -> object:
    return answer({name: schema}, text)[name]


def enum(*labels: str) -> Json:
    return {"type": "string", "enum": list(labels)}


CATEGORY = enum("billing", "delivery", "technical", "account", "other")
URGENCY = enum("low", "normal", "high")
SENTIMENT = enum("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("schema", "text", "label"),
    [
        (CATEGORY, "I was charged twice, I want my money back", "billing"),
        (CATEGORY, "Where is my parcel? It has not arrived", "delivery"),
        (CATEGORY, "The app crashes when I open it", "technical"),
        (CATEGORY, "I forgot my password", "account"),
        (CATEGORY, "lorem ipsum", "other"),
        (URGENCY, "My card was stolen, please block it immediately!", "high"),
        (URGENCY, "lorem ipsum", "normal"),
        (SENTIMENT, "This is unacceptable, I am furious", "negative"),
        (SENTIMENT, "Thanks, you are wonderful", "positive"),
        (SENTIMENT, "lorem ipsum", "neutral"),
        (enum("card_arrival", "card_linking"), "I want to link my card", "card_linking"),
        (enum("receipt", "contract"), RECEIPT, "receipt"),
        (enum("receipt", "contract"), CONTRACT, "contract"),
        (enum("Late Delivery", "WrongItem"), "it was the wrong item", "WrongItem"),
    ],
)
def test_labels_follow_the_text(schema: Json, text: str, label: str) -> None:
    assert one("label", schema, text) == label


def test_labels_without_any_hint_are_spread_but_stable() -> None:
    labels = enum(*(f"topic_{letter * 3}" for letter in "bcdfghjklm"))
    picks = [one("label", labels, f"lorem {number}") for number in range(60)]
    assert len(set(picks)) > 5
    assert picks == [one("label", labels, f"lorem {number}") for number in range(60)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my card? I have not got it.", "en"),
        ("Wo ist meine Karte? Ich habe sie nicht bekommen.", "de"),
        ("Où est ma carte ? Je ne l'ai pas reçue.", "fr"),
        ("¿Dónde está mi tarjeta? No la tengo, gracias", "es"),
        ("هل يمكنك تتبع بطاقتي من أجلي؟", "ar"),
        ("我的卡在哪里", "zh"),
        ("カードはどこですか", "ja"),
        ("카드가 어디에 있나요", "ko"),
        ("Где моя карта?", "ru"),
        ("xyzzy", "en"),
    ],
)
def test_languages_are_told_by_script_and_stop_words(text: str, code: str) -> None:
    codes = enum("ar", "de", "en", "es", "fr", "ja", "ko", "ru", "zh", "other")
    assert one("language", codes, text) == code
    assert one("language", STRING, text) == code


def test_languages_may_be_named_and_may_be_missing() -> None:
    assert one("language", enum("English", "German", "Other"), "Ich habe das nicht") == "German"
    assert one("language", enum("en", "fr", "other"), "Ich habe das nicht") == "other"


def test_only_the_event_counts() -> None:
    instructions = "<context>refund refund billing charge</context>\n"
    prompt = f"{instructions}<event>\nmy parcel is late\n</event>"
    assert one("category", CATEGORY, [prompt]) == "delivery"
    assert one("category", CATEGORY, ["billing <document>parcel</document> charge"]) == "delivery"
    assert one("category", CATEGORY, ["<ticket>my parcel</ticket>"]) == "delivery"
    assert one("category", CATEGORY, ["my parcel is late"]) == "delivery"


def test_after_a_repair_turn_the_event_is_still_found() -> None:
    turns = ["<event>my parcel is late</event>", "Your answer has these problems: billing charge"]
    assert one("category", CATEGORY, turns) == "delivery"


def test_facts_of_a_receipt() -> None:
    nullable = {"anyOf": [STRING, {"type": "null"}]}
    facts = answer(
        {
            "company": STRING,
            "date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "total_quote": STRING,
            "currency": STRING,
            "address": STRING,
            "email": nullable,
        },
        RECEIPT,
    )
    assert facts == {
        "company": "BOOK TA .K(TAMAN DAYA) SDN BHD",
        "date": "2018-12-25",
        "total": 9.0,
        "total_quote": "TOTAL:\nRM 9.00",
        "currency": "MYR",
        "address": "NO.53 55,57 & 59, JALAN SAGU 18,\n81100 JOHOR BAHRU,",
        "email": None,
    }


def test_items_of_an_array_are_about_different_things() -> None:
    fact = {
        "type": "object",
        "properties": {"value": STRING, "quote": STRING},
        "required": ["value", "quote"],
        "additionalProperties": False,
    }
    arrays = {name: {"type": "array", "items": fact} for name in ("parties", "dates", "amounts")}
    facts = answer(arrays, CONTRACT)
    values = {name: [item["value"] for item in facts[name]] for name in facts}  # type: ignore[attr-defined]
    assert values == {
        "parties": ["Reed's, Inc.", "B C Marketing Concepts Inc."],
        "dates": ["October 11, 2019"],
        "amounts": ["US$ 25,000.00"],
    }


def test_findings_come_from_the_sentences_that_show_them() -> None:
    finding = {
        "type": "object",
        "properties": {
            "rule": enum("guaranteed_return", "pressure_selling", "missing_consent"),
            "quote": STRING,
            "explanation": STRING,
        },
        "required": ["rule", "quote", "explanation"],
        "additionalProperties": False,
    }
    schema = {"type": "array", "items": finding}
    text = "Hello. We guarantee a return of 12 %. The weather is fine."
    findings = one("findings", schema, text)
    assert findings == [
        {
            "rule": "guaranteed_return",
            "quote": "We guarantee a return of 12 %.",
            "explanation": 'The text says "We guarantee a return of 12 %".',
        }
    ]
    assert one("findings", schema, "The weather is fine.") == []


def test_nothing_found_is_null_where_that_is_allowed() -> None:
    def nullable(schema: Json) -> Json:
        return {"anyOf": [schema, {"type": "null"}]}

    fact = {
        "type": "object",
        "properties": {"value": STRING, "quote": STRING},
        "required": ["value", "quote"],
        "additionalProperties": False,
    }
    found = answer(
        {
            "due_date": nullable(STRING),
            "total": nullable({"type": "number"}),
            "party": nullable(fact),
            "label": {"enum": ["zebra", "tapir", None]},
        },
        "nothing of that kind here",
    )
    assert set(found.values()) == {None}


def test_confidence_grows_with_the_hints() -> None:
    def confidence(text: str) -> float:
        found = answer({"confidence": {"type": "number"}, "category": CATEGORY}, text)
        return float(str(found["confidence"]))

    assert 0.6 <= confidence("lorem ipsum") < confidence("My parcel was not delivered") <= 0.99


def test_required_properties_come_first_in_the_order_of_the_schema() -> None:
    found = answer(
        {"note": STRING, "confidence": {"type": "number"}, "category": CATEGORY},
        "late parcel",
        required=["confidence", "category"],
    )
    assert list(found) == ["confidence", "category", "note"]


def test_optional_properties_without_a_find_are_left_out() -> None:
    assert answer({"due_date": STRING}, "no date here", required=[]) == {}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("I am furious, my parcel is late!", "sorry about the trouble with your delivery"),
        ("Where is my parcel?", "about your delivery"),
        ("Wo ist mein Paket? Ich habe es nicht bekommen", "Vielen Dank"),
    ],
)
def test_replies_are_polite_and_about_the_topic(text: str, part: str) -> None:
    assert part in str(one("reply", STRING, text))
    assert part in answer_text([text])


@pytest.mark.parametrize(
    ("text", "asked"), [("This is unacceptable", True), ("Where is the station?", False)]
)
def test_a_person_is_asked_for_when_there_is_trouble(text: str, asked: bool) -> None:  # noqa: FBT001 - a table
    assert one("needs_human", {"type": "boolean"}, text) is asked


def test_next_actions_summaries_and_tags() -> None:
    strings: Json = {"type": "array", "items": STRING}
    found = answer(
        {"next_actions": strings, "summary": STRING, "tags": strings}, "My parcel is late"
    )
    assert found["next_actions"] == [
        "Ask the carrier where the parcel is",
        "Send the tracking link",
    ]
    assert found["summary"] == "About delivery: My parcel is late"
    assert found["tags"] == ["parcel"]


def test_capitals_can_be_changed() -> None:
    schema = orjson.dumps({"type": "object", "properties": {"c": CATEGORY}, "required": ["c"]})
    shouted = answer_json(schema, ["my parcel"], shout=True)
    assert orjson.loads(shouted) == {"c": "DELIVERY"}


Write = Callable[[str], str]


def test_answers_are_compact() -> None:
    assert " " not in answer_json(b'{"type":"object","properties":{"x":{"const":1}}}', ["a"])
