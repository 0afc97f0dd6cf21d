from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.events import Document, Interaction
from tests.builders import document, interaction

TURN = {"role": "customer", "text": "hello"}
ACCEPTED_TIMES = ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00+01:00", "2026-11-22 12:00:00.0Z"]
REFUSED_TIMES: list[Any] = [
    "2026-11-22T12:00:00",  # no zone
    "2026-11-22",
    "1763812800",  # seconds since the epoch, as text
    1763812801,
    1763812800.5,
    True,
    "tomorrow",
    "",
    ["2026-11-22T12:00:00Z"],
]
REFUSED_FOR_BOTH: list[dict[str, Any]] = [
    {"text": "a"},  # no id
    {"id": "1"},  # no body
    {"id": "", "text": "a"},
    {"id": "x" * 257, "text": "a"},
    {"id": 1, "text": "a"},
    {"id": None, "text": "a"},
    {"id": "1", "text": ""},
    {"id": "1", "text": " \n\t"},
    {"id": "1", "text": 5},
    {"id": "1", "text": ["a"]},
    {"id": "1", "text": "a", "surprise": 1},
    {"id": "1", "text": "a", "task": 7},
    {"id": "1", "text": "a", "attributes": []},
    {"id": "1", "text": "a", "attributes": None},
]
REFUSED_INTERACTIONS: list[dict[str, Any]] = [
    {"id": "1", "text": "a", "messages": [TURN]},
    {"id": "1", "text": None},
    {"id": "1", "messages": []},
    {"id": "1", "messages": [{"role": "customer", "text": " "}]},
    {"id": "1", "messages": [{"role": "system", "text": "a"}]},
    {"id": "1", "messages": [{"role": "customer"}]},
    {"id": "1", "messages": [TURN | {"extra": 1}]},
    {"id": "1", "messages": "hello"},
    {"id": "1", "text": "a", "title": "of a document"},
    {"id": "1", "text": "a", "customer_id": 5},
]
REFUSED_DOCUMENTS: list[dict[str, Any]] = [
    {"id": "1", "text": None},
    {"id": "1", "text": "a", "job": {"id": "j"}},
    {"id": "1", "text": "a", "job": {"id": "j", "size": 0}},
    {"id": "1", "text": "a", "job": {"id": "j", "size": "3"}},
    {"id": "1", "text": "a", "job": {"id": "j", "size": 2.5}},
    {"id": "1", "text": "a", "channel": "of an interaction"},
    {"id": "1", "text": "a", "messages": [TURN]},
]


@pytest.mark.parametrize("model", [Interaction, Document])
@pytest.mark.parametrize("value", [*REFUSED_FOR_BOTH, [], "text", None, 5])
def test_what_is_not_an_event_is_refused(
    model: type[Interaction | Document], value: object
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(value)


@pytest.mark.parametrize("value", REFUSED_INTERACTIONS)
def test_what_is_not_an_interaction_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Interaction.model_validate(value)


@pytest.mark.parametrize("value", REFUSED_DOCUMENTS)
def test_what_is_not_a_document_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Document.model_validate(value)


@pytest.mark.parametrize("field", ["occurred_at", "expires_at"])
@pytest.mark.parametrize("time", REFUSED_TIMES)
def test_time_without_a_zone_is_refused(field: str, time: object) -> None:
    with pytest.raises(ValidationError) as caught:
        interaction(**{field: time})
    assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("time", ACCEPTED_TIMES)
def test_time_with_a_zone_is_accepted(time: str) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert interaction(expires_at=time).expires_at == at
    assert document(expires_at=at).expires_at == at


def test_id_may_have_256_characters_of_any_kind() -> None:
    assert interaction(id="é" * 256).id == "é" * 256


def test_smallest_event_has_no_more_than_its_body() -> None:
    event = interaction()
    assert (event.task, event.channel, event.attributes) == (None, None, {})


def test_attributes_hold_any_json() -> None:
    nested = {"tier": {"level": [1, 2.5, None, True, "gold"]}}
    assert document(attributes=nested).attributes == nested


def test_conversation_becomes_one_line_a_turn() -> None:
    turns = [TURN, {"role": "agent", "text": "how can I help?"}]
    assert interaction(text=None, messages=turns).body == "customer: hello\nagent: how can I help?"


def test_title_stands_above_the_document() -> None:
    assert document(title="Lease", text="1. Term").body == "Lease\n\n1. Term"
    assert document(title=None, text="1. Term").body == "1. Term"


def test_key_keeps_a_conversation_together() -> None:
    assert interaction(conversation_id="c", customer_id="k").key == "c"
    assert interaction(customer_id="k").key == "k"
    assert interaction(customer_id="").key == "evt-1"
    assert document().key == "doc-1"


def test_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        interaction().text = "other"  # type: ignore[misc] # this is the test


def test_json_schema_for_other_languages_names_the_required_fields() -> None:
    assert set(TypeAdapter(Document).json_schema()["required"]) == {"id", "text"}
    assert TypeAdapter(Interaction).json_schema()["required"] == ["id"]
