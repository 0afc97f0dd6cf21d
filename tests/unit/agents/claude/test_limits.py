import pytest

from agents.claude.limits import Heard, Unit, heard, retry_after_s
from tests.builders import limit_headers


def test_all_three_limits_are_read() -> None:
    headers = limit_headers(requests=(50, 49), input_tokens=(1000, 0), output_tokens=(9, 9))
    assert list(heard(headers)) == [
        Heard(unit=Unit.REQUESTS, limit=50, remaining=49),
        Heard(unit=Unit.INPUT_TOKENS, limit=1000, remaining=0),
        Heard(unit=Unit.OUTPUT_TOKENS, limit=9, remaining=9),
    ]


def test_headers_of_a_server_error_tell_nothing() -> None:
    assert list(heard({"request-id": "req_1"})) == []


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "1e3", " 5", "0", "²"])
def test_limit_that_is_no_number_is_left_out(text: str) -> None:
    headers = limit_headers(requests=(50, 49), input_tokens=(1000, 5))
    headers["anthropic-ratelimit-requests-limit"] = text
    assert [limit.unit for limit in heard(headers)] == [Unit.INPUT_TOKENS]


def test_limit_without_its_remaining_is_left_out() -> None:
    assert list(heard({"anthropic-ratelimit-requests-limit": "5"})) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("16", 16),
        ("0.5", 0.5),
        ("0", 0),
        ("-3", 0),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("inf", None),
        ("nan", None),
        ("1e999", None),
    ],
)
def test_retry_after_is_seconds_or_nothing(text: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": text}) == seconds


def test_no_retry_after_is_nothing() -> None:
    assert retry_after_s({}) is None
