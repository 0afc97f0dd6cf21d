import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.simulator.requests.tokens import count_text, cut_to_tokens


@pytest.mark.parametrize(
    ("text", "factor", "tokens"),
    [
        ("", 1.0, 0),
        ("a" * 35, 1.0, 10),
        ("a" * 36, 1.0, 11),
        ("a" * 35, 1.3, 13),
        ("é" * 7, 1.0, 4),
    ],
)
def test_counts_bytes(text: str, factor: float, tokens: int) -> None:
    assert count_text(text, factor) == tokens


@given(st.text(), st.integers(0, 200), st.sampled_from([1.0, 1.3]))
def test_a_cut_text_is_a_beginning_that_fits(text: str, tokens: int, factor: float) -> None:
    cut = cut_to_tokens(text, tokens, factor)
    assert text.startswith(cut)
    assert count_text(cut, factor) <= tokens
