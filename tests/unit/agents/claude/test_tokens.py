import pytest

from agents.claude.tokens import COLD_CALLS, Estimates
from schemas.request import Turn
from schemas.usage import Usage
from tests.builders import request


def learned(*outputs: int, input_tokens: int = 300, **changes: int) -> Estimates:
    estimates = Estimates()
    for output in outputs:
        usage = Usage(input_tokens=input_tokens, output_tokens=output, **changes)
        estimates.learn(request(), usage)
    return estimates


def test_first_calls_reserve_all_that_they_may_write() -> None:
    for calls in range(COLD_CALLS):
        assert learned(*[7] * calls).need(request()).output_tokens == 50


def test_steady_output_is_soon_reserved_as_it_is() -> None:
    assert learned(*[7] * COLD_CALLS).need(request()).output_tokens == 8


def test_varying_output_is_reserved_with_a_margin_up_to_the_cap() -> None:
    need = learned(*[10, 20] * 20).need(request()).output_tokens
    assert 20 < need < 30
    assert learned(*[10, 90] * 20).need(request()).output_tokens == 50


def test_input_follows_what_the_last_calls_took() -> None:
    assert learned(7).need(request()).input_tokens == pytest.approx(300)
    longer = request(turns=(Turn(role="user", text="x" * 10_000),))
    assert learned(7).need(longer).input_tokens > 3000


def test_input_is_estimated_before_anything_is_known() -> None:
    short, long = request(), request(turns=(Turn(role="user", text="é" * 1000),))
    estimates = Estimates()
    difference = estimates.need(long).input_tokens - estimates.need(short).input_tokens
    assert difference == pytest.approx((2000 - len("my card is lost")) / 2)


def test_cache_reads_take_nothing_and_cache_writes_count() -> None:
    reads = learned(7, input_tokens=20, cache_read_input_tokens=5000)
    writes = learned(7, input_tokens=20, cache_creation_input_tokens=280)
    assert reads.need(request()).input_tokens == pytest.approx(20)
    assert writes.need(request()).input_tokens == pytest.approx(300)


@pytest.mark.parametrize("changes", [{"task": "other"}, {"model": "claude-opus-5"}], ids=str)
def test_each_task_and_model_is_learned_for_itself(changes: dict[str, str]) -> None:
    assert learned(*[7] * 9).need(request(**changes)).output_tokens == 50


def test_every_call_takes_one_request() -> None:
    assert Estimates().need(request()).requests == 1


def test_new_times_outweigh_old_ones() -> None:
    need = learned(*[40] * 100, *[4] * 100).need(request())
    assert need.output_tokens < 12
