import pytest

from agents.claude.limits import heard, retry_after_s
from schemas.lease import nothing
from tests.builders import limit_headers


def test_all_three_limits_are_read() -> None:
    headers = limit_headers(requests=(50, 49), input_tokens=(1000, 0), output_tokens=(9, 9))
    found = heard(headers)
    assert (found.limits, found.remaining) == ([50, 1000, 9], [49, 0, 9])


def test_headers_of_a_server_error_tell_nothing() -> None:
    found = heard({"request-id": "req_1"})
    assert (found.limits, found.remaining) == (nothing(), nothing())


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "1e3", " 5", "0", "²"])
def test_limit_that_is_no_number_is_left_out(text: str) -> None:
    headers = limit_headers(requests=(50, 49), input_tokens=(1000, 5))
    headers["anthropic-ratelimit-requests-limit"] = text
    found = heard(headers)
    assert (found.limits, found.remaining) == ([0, 1000, 0], [0, 5, 0])


@pytest.mark.parametrize("name", ["limit", "remaining"])
def test_half_of_what_belongs_together_is_left_out(name: str) -> None:
    assert heard({f"anthropic-ratelimit-requests-{name}": "5"}).limits == nothing()


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
