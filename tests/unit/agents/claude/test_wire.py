from typing import Literal

import httpx2

from agents.claude.client import CONNECT_TIMEOUT_S, structured_format, wire
from schemas.base import OutputModel
from schemas.request import Block, Turn
from tests.builders import Label, request


class Narrow(OutputModel):
    kind: Literal["a", "b"]
    inner: list[Label]


def test_stable_blocks_carry_the_cache_mark() -> None:
    system = (Block(text="rules", cached=True), Block(text="more"))
    assert wire(request(system=system))["system"] == [
        {"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "more"},
    ]


def test_turns_keep_their_order_and_roles() -> None:
    turns = (Turn(role="user", text="a"), Turn(role="assistant", text="b"))
    assert wire(request(turns=turns))["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]


def test_output_model_becomes_the_format_of_the_answer() -> None:
    form = wire(request(output=Narrow))["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["required"] == ["kind", "inner"]
    assert form["schema"]["additionalProperties"] is False
    assert form["schema"]["properties"]["kind"]["enum"] == ["a", "b"]


def test_format_is_made_once_for_a_model() -> None:
    assert structured_format(Narrow) is structured_format(Narrow)


def test_nothing_that_the_api_would_refuse_is_sent() -> None:
    sent = set(wire(request(timeout_s=3, stream=True)))
    body = {"model", "max_tokens", "system", "messages", "output_config", "thinking"}
    assert sent == body | {"timeout"}  # the SDK keeps that for itself


def test_each_call_brings_its_own_time_and_connects_within_seconds() -> None:
    asked = wire(request(timeout_s=37))["timeout"]
    assert asked == httpx2.Timeout(
        connect=CONNECT_TIMEOUT_S, read=37, write=37, pool=CONNECT_TIMEOUT_S
    )
