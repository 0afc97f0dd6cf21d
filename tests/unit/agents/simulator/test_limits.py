import pytest

from agents.simulator import Limits, Ramp
from agents.simulator.accounting.limits import ClassLimits, Need, RateLimits
from agents.simulator.requests.model_table import BY_NAME, class_of

HAIKU = BY_NAME["claude-haiku-5-5"]
SMALL = Limits(requests_per_minute=60, input_tokens_per_minute=6_000, output_tokens_per_minute=600)
ONE = Need(input_tokens=100, output_tokens=1)


def limits(ramp: Ramp | None = None) -> ClassLimits:
    return ClassLimits(SMALL, ramp, now=0.0)


def test_takes_a_request_and_its_input() -> None:
    held = limits()
    assert held.admit(ONE, 0.0) is None
    assert (held.requests.level, held.input.level, held.output.level) == (59, 5_900, 600)


def test_takes_nothing_when_one_bucket_lacks() -> None:
    held = limits()
    held.input.take(5_950, 0.0)
    denied = held.admit(ONE, 0.0)
    assert denied is not None
    assert (denied.limiter, denied.limit, denied.retry_after_s) == ("input_tokens", 6_000, 1)
    assert held.requests.level == 60


def test_names_the_limiter_that_takes_longest() -> None:
    held = limits()
    held.requests.take(60, 0.0)
    held.input.take(6_000, 0.0)
    held.output.take(700, 0.0)
    denied = held.admit(Need(input_tokens=100, output_tokens=1), 0.0)
    assert denied is not None
    assert (denied.limiter, denied.retry_after_s) == ("output_tokens", 11)


def test_output_only_has_to_be_above_zero() -> None:
    held = limits()
    held.output.take(598, 0.0)
    assert held.admit(ONE, 0.0) is None


def test_output_can_be_charged_first() -> None:
    held = limits()
    assert held.admit(Need(input_tokens=1, output_tokens=500), 0.0) is None
    denied = held.admit(Need(input_tokens=1, output_tokens=500), 0.0)
    assert denied is not None
    assert (denied.limiter, denied.retry_after_s) == ("output_tokens", 40)


def test_a_denial_leaves_buckets_up_to_date() -> None:
    held = limits(Ramp(floor_requests_per_minute=6, factor=1.0))
    assert held.admit(ONE, 0.0) is None
    held.output.take(500, 0.0)
    assert held.admit(ONE, 5.0) is not None
    assert (held.input.level, held.output.level) == (6_000, 150)


def test_remembers_how_long_it_told_somebody_to_wait() -> None:
    held = limits()
    held.requests.take(70, 5.0)
    assert held.admit(ONE, 5.0) is not None
    assert held.closed_until == 16
    held.close(1, 6.0)
    assert held.closed_until == 16


def test_a_request_fits_after_its_retry_after() -> None:
    held = limits()
    held.output.take(1_234.5, 0.0)
    denied = held.admit(ONE, 0.0)
    assert denied is not None
    assert held.admit(ONE, float(denied.retry_after_s)) is None


def test_growth_beyond_the_ramp_is_turned_away() -> None:
    held = limits(Ramp(floor_requests_per_minute=60, factor=2.0, window_s=300))
    decisions = [held.admit(ONE, 0.0) for _ in range(11)]
    assert decisions[:10] == [None] * 10
    denied = decisions[10]
    assert denied is not None
    assert (denied.limiter, denied.retry_after_s) == ("ramp", 10)
    assert held.admit(ONE, 10.0) is None


def test_a_ramp_lets_steady_traffic_grow() -> None:
    ramp = Ramp(floor_requests_per_minute=6, factor=2.0, window_s=60)
    held = ClassLimits(Limits(), ramp, now=0.0)
    assert [held.admit(ONE, second * 10.0) for second in range(6)] == [None] * 6
    assert held.admit(ONE, 50.5) is None


def test_classes_have_buckets_of_their_own() -> None:
    all_limits = RateLimits(SMALL, {"haiku-5.5": Limits(requests_per_minute=1)})
    haiku = all_limits.of(HAIKU, 0.0)
    opus, older_opus = BY_NAME["claude-opus-4-8"], BY_NAME["claude-opus-4-5"]
    assert haiku.requests.per_minute == 1
    assert all_limits.of(opus, 0.0).requests.per_minute == 60
    assert all_limits.of(opus, 0.0) is all_limits.of(older_opus, 0.0)


def test_limits_change_while_running() -> None:
    all_limits = RateLimits(SMALL, {})
    held = all_limits.of(HAIKU, 0.0)
    held.requests.take(30, 0.0)
    all_limits.set(Limits(requests_per_minute=600), "haiku-5.5", 0.0)
    assert held.requests.level == 300
    all_limits.set(SMALL, None, 0.0)
    assert held.requests.level == 30
    assert all_limits.of(BY_NAME["claude-opus-5"], 0.0).requests.per_minute == 60


def test_a_class_is_named_by_itself_or_by_a_model() -> None:
    assert class_of("claude-haiku-4-5") == class_of("claude-haiku-4-5-20251001") == "haiku-4.5"
    assert class_of("haiku-5.5") == "haiku-5.5"


def test_limits_must_be_positive() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Limits(requests_per_minute=0)
