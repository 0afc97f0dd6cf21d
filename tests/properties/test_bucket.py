from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.claude.bucket import Bucket

LIMITS = st.integers(1, 10_000_000)
# Monotonic clocks count from boot, or from somewhere else: rounding must not depend on it.
STARTS = st.floats(0, 1e7)
PAUSES = st.floats(0, 300)
SHARES = st.floats(0.001, 3)  # of a full bucket
quick = settings(deadline=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    at: float
    amount: float


def drive(bucket: Bucket, now: float, steps: list[tuple[float, float]]) -> list[Taken]:
    """Take each amount as soon as the bucket lets it."""
    taken = []
    for pause, share in steps:
        now += pause
        bucket.refill(now)
        amount = share * bucket.capacity
        while wait := bucket.wait_s(amount):
            assert now + wait > now, "a waiter must not be told to come back at once"
            now += wait
            bucket.refill(now)
        bucket.take(amount)
        taken.append(Taken(at=now, amount=amount))
    return taken


@quick
@given(LIMITS, STARTS, st.lists(st.tuples(PAUSES, SHARES), max_size=15))
def test_no_window_gives_more_than_its_refill_and_one_burst(
    limit: int, start: float, steps: list[tuple[float, float]]
) -> None:
    bucket = Bucket.of(limit, start)
    taken = drive(bucket, start, steps)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            window = taken[first : last + 1]
            # One that is larger than a full bucket goes alone, and leaves a debt.
            spendable = bucket.capacity - bucket.headroom
            debt = max(0.0, window[-1].amount - spendable)
            refill = bucket.rate * (window[-1].at - window[0].at)
            allowed = spendable + refill + debt
            assert sum(one.amount for one in window) <= allowed * (1 + 1e-6) + bucket.rate * 1e-5


@quick
@given(LIMITS, STARTS, SHARES)
def test_wait_ends_when_it_said_and_never_again_much_later(
    limit: int, start: float, share: float
) -> None:
    bucket = Bucket.of(limit, start)
    bucket.take(bucket.capacity)
    wait = bucket.wait_s(share * bucket.capacity)
    assert wait <= bucket.capacity / bucket.rate * (1 + 1e-9)
    bucket.refill(start + wait)
    assert bucket.wait_s(share * bucket.capacity) == 0


@quick
@given(LIMITS, STARTS, st.lists(st.floats(0, 1e6), max_size=20))
def test_giving_back_what_was_taken_leaves_a_full_bucket(
    limit: int, start: float, amounts: list[float]
) -> None:
    bucket = Bucket.of(limit, start)
    for amount in amounts:
        bucket.take(amount)
    for amount in amounts:
        bucket.take(-amount)
    assert abs(bucket.level - bucket.capacity) < 1e-6 * (1 + sum(amounts))
    assert abs(bucket.charged) < 1e-6 * (1 + sum(amounts))


@quick
@given(LIMITS, st.lists(st.tuples(PAUSES, st.floats(-1e5, 1e5)), max_size=30), PAUSES)
def test_level_never_exceeds_the_capacity(
    limit: int, steps: list[tuple[float, float]], backwards: float
) -> None:
    bucket, now = Bucket.of(limit, 0.0), 0.0
    for pause, amount in steps:
        now += pause
        bucket.refill(now)
        bucket.take(amount)
        level = bucket.level
        bucket.refill(now - backwards)  # a clock that goes back changes nothing
        assert bucket.level == level <= bucket.capacity


@quick
@given(st.lists(st.tuples(PAUSES, st.integers(-50, 100), st.integers(0, 100)), max_size=30))
def test_use_of_the_last_minute_is_what_was_used_in_it_and_not_what_was_taken(
    steps: list[tuple[float, int, int]],
) -> None:
    bucket, now, uses = Bucket.of(1000, 0.0), 0.0, []
    for pause, taken, used in steps:
        now += pause
        bucket.refill(now)
        bucket.take(taken)
        bucket.use(used)
        uses.append((int(now), used))
    recent = [used for second, used in uses if second > int(now) - 60]
    assert bucket.used_last_minute(now) == sum(recent)
    assert bucket.charged == sum(taken for _, taken, _ in steps)


@quick
@given(st.lists(st.tuples(LIMITS, st.integers(0, 10_000_000)), min_size=1, max_size=20))
def test_learning_from_any_headers_keeps_the_bucket_within_its_limit(
    told: list[tuple[int, int]],
) -> None:
    bucket = Bucket.of(None, 0.0)
    for limit, remaining in told:
        bucket.adopt(limit, 0.0)
        bucket.learn(remaining - 500, remaining + 500)
        assert bucket.limit == limit
        assert bucket.level <= bucket.capacity
        assert bucket.level <= remaining + 500
