import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.simulator.accounting.buckets import Bucket, retry_after_s


def test_starts_full_and_takes() -> None:
    bucket = Bucket(600, 60, now=0.0)
    assert bucket.take(600, 0.0)
    assert bucket.level == 0


def test_refills_continuously_up_to_its_capacity() -> None:
    bucket = Bucket(600, 60, now=0.0)
    bucket.take(600, 0.0)
    assert bucket.refill(1.5) == pytest.approx(15)
    assert bucket.refill(1_000.0) == 600


def test_a_short_burst_makes_a_small_bucket_with_the_same_rate() -> None:
    bucket = Bucket(600, 10, now=0.0)
    assert bucket.capacity == 100
    assert bucket.rate == 10


def test_debt_makes_later_work_wait() -> None:
    bucket = Bucket(60, 60, now=0.0)
    assert not bucket.take(90, 0.0)
    assert bucket.level == -30
    assert bucket.wait_s(1, 0.0) == pytest.approx(31)


def test_more_than_a_full_bucket_waits_for_a_full_one() -> None:
    bucket = Bucket(60, 60, now=0.0)
    assert bucket.wait_s(1_000_000, 0.0) == 0
    bucket.take(60, 0.0)
    assert bucket.wait_s(1_000_000, 0.0) == pytest.approx(60)


def test_giving_back_never_overflows() -> None:
    bucket = Bucket(60, 60, now=0.0)
    bucket.take(-100, 0.0)
    assert bucket.level == 60


def test_a_clock_that_steps_back_adds_nothing() -> None:
    bucket = Bucket(60, 60, now=10.0)
    bucket.take(60, 10.0)
    assert bucket.refill(5.0) == 0
    assert bucket.refill(11.0) == pytest.approx(1)


def test_resizing_keeps_the_share() -> None:
    bucket = Bucket(600, 60, now=0.0)
    bucket.take(300, 0.0)
    bucket.resize(60, 60, 0.0)
    assert (bucket.level, bucket.capacity) == (30, 60)


@pytest.mark.parametrize(("wait_s", "told"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.9, 60)])
def test_retry_after_is_whole_seconds_and_never_too_short(wait_s: float, told: int) -> None:
    assert retry_after_s(wait_s) == told


steps = st.lists(st.tuples(st.floats(0, 100), st.floats(-500, 2_000)), min_size=1, max_size=20)


@given(st.integers(1, 10**7), st.floats(0.5, 120), steps, st.floats(0, 10**6))
def test_waiting_as_long_as_told_is_enough(
    per_minute: int, burst_s: float, taken: list[tuple[float, float]], need: float
) -> None:
    bucket, now = Bucket(per_minute, burst_s, now=0.0), 0.0
    for pause_s, amount in taken:
        now += pause_s
        bucket.take(amount, now)
        assert bucket.level <= bucket.capacity
    assert bucket.wait_s(need, now + retry_after_s(bucket.wait_s(need, now))) == 0
