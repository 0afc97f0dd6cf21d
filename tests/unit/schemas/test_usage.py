import pytest

from schemas.usage import PRICES, Usage, cost_nanousd, microusd, price_of

HAIKU = "claude-haiku-5-5"


def test_sum_adds_every_kind_of_token() -> None:
    one = Usage(
        input_tokens=1,
        cache_creation_input_tokens=2,
        cache_read_input_tokens=3,
        output_tokens=4,
    )
    assert (one + one).model_dump() == {name: 2 * n for name, n in one.model_dump().items()}
    assert sum([one, one], Usage()) == one + one


def test_cache_reads_are_prompt_tokens_but_not_limited_ones() -> None:
    usage = Usage(input_tokens=1, cache_creation_input_tokens=20, cache_read_input_tokens=300)
    assert usage.prompt_tokens == 321
    assert usage.limited_input_tokens == 21


@pytest.mark.parametrize(
    ("usage", "nanousd"),
    [
        (Usage(input_tokens=1_000_000), 100_000_000 * 5),  # above the long mark
        (Usage(input_tokens=100_000), 10_000_000),
        (Usage(input_tokens=100_001), 5 * 10_000_100),
        (Usage(cache_read_input_tokens=100_001), 5 * 1_000_010),
        (Usage(cache_creation_input_tokens=60_000, cache_read_input_tokens=40_000), 7_900_000),
        (Usage(cache_creation_input_tokens=60_000, cache_read_input_tokens=40_001), 39_500_050),
        (Usage(input_tokens=100_001, output_tokens=10), 5 * (10_000_100 + 5_000)),
        (Usage(input_tokens=1, output_tokens=200_000), 100 + 100_000_000),
    ],
)
def test_haiku_costs_five_times_for_every_token_above_100k_prompt_tokens(
    usage: Usage, nanousd: int
) -> None:
    assert cost_nanousd(HAIKU, usage) == nanousd


def test_all_four_kinds_have_their_price() -> None:
    usage = Usage(
        input_tokens=1_000,
        cache_creation_input_tokens=1_000,
        cache_read_input_tokens=1_000,
        output_tokens=1_000,
    )
    assert cost_nanousd("claude-opus-5-5", usage) == 1_000 * (4_000 + 5_000 + 200 + 20_000)


def test_dated_snapshot_costs_what_its_model_costs() -> None:
    assert price_of("claude-haiku-4-5-20251001") == PRICES["claude-haiku-4-5"]
    assert price_of("claude-haiku-4-5-preview1") is None


def test_unknown_model_costs_nothing_that_we_know_of() -> None:
    assert price_of("claude-next-9") is None
    assert cost_nanousd("claude-next-9", Usage(input_tokens=5)) == 0


@pytest.mark.parametrize(("nano", "micro"), [(0, 0), (499, 0), (500, 1), (1499, 1), (1500, 2)])
def test_nano_dollars_are_rounded_half_up(nano: int, micro: int) -> None:
    assert microusd(nano) == micro


def test_rounding_once_at_the_end_keeps_small_calls() -> None:
    calls = [cost_nanousd(HAIKU, Usage(input_tokens=4)) for _ in range(10)]
    assert sum(map(microusd, calls)) == 0
    assert microusd(sum(calls)) == 4
