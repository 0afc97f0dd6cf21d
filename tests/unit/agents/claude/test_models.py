from typing import get_args

import pytest

from agents.claude.client import wire
from schemas.request import Effort
from schemas.usage import PRICES
from tests.builders import request

ALWAYS = ["claude-opus-5-5", "claude-fable-5", "claude-fable-5-2"]
SWITCHED = ["claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5", "claude-opus-4-8"]
OLD = ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-sonnet-4-5"]


@pytest.mark.parametrize("model", [*SWITCHED, *OLD])
def test_thinking_is_off_unless_asked_for(model: str) -> None:
    assert wire(request(model=model))["thinking"] == {"type": "disabled"}
    assert wire(request(model=model, thinking="disabled"))["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("model", ALWAYS)
def test_model_that_always_thinks_is_not_told_not_to(model: str) -> None:
    assert "thinking" not in wire(request(model=model))
    assert "thinking" not in wire(request(model=model, thinking="disabled"))


def test_model_that_cannot_be_off_thinks_between_tools_only() -> None:
    assert wire(request(model="claude-sonnet-5-5"))["thinking"] == {"type": "between_tools"}


def test_doubled_cap_stays_within_the_models_own() -> None:
    doubled = request(model="claude-haiku-5-5", max_output_tokens=200_000)
    assert wire(doubled)["max_tokens"] == 128_000


@pytest.mark.parametrize("model", [*SWITCHED, *ALWAYS])
def test_adaptive_thinking_is_passed_on(model: str) -> None:
    assert wire(request(model=model, thinking="adaptive"))["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    "model", ["claude-haiku-5-5", "claude-haiku-5-5-20261007", "claude-opus-5"]
)
@pytest.mark.parametrize("effort", ["xhigh", "max"])
def test_highest_efforts_think_where_the_api_refuses_anything_else(
    model: str, effort: Effort
) -> None:
    assert "thinking" not in wire(request(model=model, effort=effort))
    assert "thinking" in wire(request(model=model, effort="high"))


@pytest.mark.parametrize("model", [*SWITCHED, *ALWAYS])
def test_effort_is_low_unless_asked_for(model: str) -> None:
    assert wire(request(model=model))["output_config"]["effort"] == "low"
    for effort in get_args(Effort):
        assert wire(request(model=model, effort=effort))["output_config"]["effort"] == effort


@pytest.mark.parametrize("model", OLD)
def test_older_models_have_no_effort(model: str) -> None:
    assert "effort" not in wire(request(model=model, effort="high"))["output_config"]


@pytest.mark.parametrize("model", sorted(PRICES))
def test_every_priced_model_can_be_asked(model: str) -> None:
    asked = wire(request(model=model))
    assert asked["model"] == model
    assert asked["max_tokens"] == 50
