import pytest

from agents.claude.tokens import BIN_CALLS, COLD_CALLS, COLD_TOKENS_PER_BYTE, WINDOW, Estimates
from schemas.request import Block, Request, Turn
from schemas.usage import Usage
from tests.builders import request

OUTPUT, INPUT = 2, 1
LONG = request(turns=(Turn(role="user", text="x" * 20_000),), max_output_tokens=900)


def learned(*outputs: int, asked: Request | None = None, **changes: int) -> Estimates:
    estimates = Estimates()
    learn(estimates, *outputs, asked=asked, **changes)
    return estimates


def learn(
    estimates: Estimates, *outputs: int, asked: Request | None = None, **changes: int
) -> None:
    for output in outputs:
        usage = Usage(**{"input_tokens": 300} | changes, output_tokens=output)
        estimates.learn(asked or request(), usage)


def test_every_call_takes_one_request() -> None:
    assert Estimates().need(request())[0] == 1


def test_first_calls_reserve_all_that_they_may_write() -> None:
    for calls in range(COLD_CALLS):
        assert learned(*[7] * calls).need(request())[OUTPUT] == 50


def test_steady_output_is_soon_reserved_as_it_is() -> None:
    assert learned(*[7] * COLD_CALLS).need(request())[OUTPUT] == 7


def test_output_is_reserved_as_nine_of_ten_answers_need_it() -> None:
    assert learned(*range(100)).need(request(max_output_tokens=900))[OUTPUT] == 90
    one_in_five = learned(*[10] * 80, *[40] * 20)
    assert one_in_five.need(request())[OUTPUT] == 40
    one_in_twenty = learned(*[10] * 95, *[40] * 5)
    assert one_in_twenty.need(request())[OUTPUT] == 10


def test_no_more_than_the_cap_is_reserved() -> None:
    assert learned(*[90] * 40).need(request())[OUTPUT] == 50


def test_only_the_last_answers_count() -> None:
    assert learned(*[40] * 500, *[4] * WINDOW).need(request())[OUTPUT] == 4


def test_longer_prompts_have_their_own_quantile_as_soon_as_there_are_enough() -> None:
    estimates = learned(*[7] * 300)
    learn(estimates, *[800] * (BIN_CALLS - 1), asked=LONG)
    assert estimates.need(LONG)[OUTPUT] == estimates.need(request(max_output_tokens=900))[OUTPUT]
    learn(estimates, 800, asked=LONG)
    assert estimates.need(LONG)[OUTPUT] == 800
    assert estimates.need(request())[OUTPUT] == 7


def test_input_follows_what_the_last_calls_took() -> None:
    assert learned(7).need(request())[INPUT] == pytest.approx(300)
    assert learned(7).need(LONG)[INPUT] > 3000


def test_input_that_varies_is_reserved_with_a_margin() -> None:
    estimates = Estimates()
    for tokens in [200, 400] * 50:
        learn(estimates, 7, input_tokens=tokens)
    assert 350 < estimates.need(request())[INPUT] < 450


def test_input_is_estimated_before_anything_is_known() -> None:
    short, long = request(), request(turns=(Turn(role="user", text="é" * 1000),))
    estimates = Estimates()
    difference = estimates.need(long)[INPUT] - estimates.need(short)[INPUT]
    assert difference == pytest.approx((2000 - len("my card is lost")) * COLD_TOKENS_PER_BYTE)


def test_prompt_is_as_long_whether_it_is_read_from_the_cache_or_not() -> None:
    reads = learned(7, input_tokens=20, cache_read_input_tokens=280)
    writes = learned(7, input_tokens=20, cache_creation_input_tokens=280)
    assert reads.need(request())[INPUT] == pytest.approx(300)
    assert writes.need(request())[INPUT] == pytest.approx(300)


def test_warm_prefix_is_free() -> None:
    cached = (Block(text="a" * 4000, cached=True), Block(text="b" * 100))
    asked, estimates = request(system=cached), Estimates()
    prefix = estimates.prefix_tokens(asked)
    assert prefix == pytest.approx(4000 * COLD_TOKENS_PER_BYTE)
    cold, warm = estimates.need(asked), estimates.need(asked, warm=True)
    assert cold[INPUT] - warm[INPUT] == pytest.approx(prefix)
    assert warm[INPUT] > 100 * COLD_TOKENS_PER_BYTE
    assert cold[OUTPUT] == warm[OUTPUT]


def test_prompt_without_a_mark_has_no_prefix() -> None:
    plain = request(system=(Block(text="a" * 4000),))
    estimates = Estimates()
    assert estimates.prefix_tokens(plain) == 0
    assert estimates.need(plain, warm=True) == estimates.need(plain)


@pytest.mark.parametrize("changes", [{"task": "other"}, {"model": "claude-opus-5"}], ids=str)
def test_each_task_and_model_is_learned_for_itself(changes: dict[str, str]) -> None:
    assert learned(*[7] * 9).need(request(**changes))[OUTPUT] == 50


def test_rest_behind_a_cached_prefix_is_learned_by_itself() -> None:
    """Where the prompt is mostly prefix, its tokens a byte say nothing about the rest."""
    prefix = Block(text="p" * 6_000, cached=True)
    asked = request(system=(prefix,), turns=(Turn(role="user", text="x" * 400),))
    estimates = learned(7, asked=asked, input_tokens=120, cache_creation_input_tokens=2_000)
    learn(estimates, 7, 7, asked=asked, input_tokens=120, cache_read_input_tokens=2_000)
    assert estimates.need(asked, warm=True)[INPUT] == pytest.approx(120)
    assert estimates.need(asked, warm=False)[INPUT] == pytest.approx(2_120, rel=0.01)
