from itertools import pairwise
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from streams.flood import TRIAL_S, FloodBreaker

gaps = st.floats(0, 20, allow_nan=False)
ends = st.lists(st.tuples(st.booleans(), gaps), max_size=120)
ratios, least, windows = st.floats(0.01, 1), st.integers(1, 30), st.integers(1, 60)


@given(given_ends=ends, ratio=ratios, min_records=least, window_s=windows)
def test_opens_exactly_when_the_last_seconds_hold_a_flood(
    given_ends: list[tuple[bool, float]], ratio: float, min_records: int, window_s: int
) -> None:
    breaker, now, seen = FloodBreaker(ratio, min_records, window_s), 0.0, list[tuple[int, bool]]()
    for dead, gap_s in given_ends:
        now += gap_s
        seen.append((floor(now), dead))
        window = [d for second, d in seen if second > floor(now) - window_s]
        flood = len(window) >= min_records and sum(window) >= ratio * len(window)
        breaker.ended(dead, now)
        assert breaker.is_open is flood
        if flood:
            breaker.close()
            seen = []
        else:
            assert repr(breaker) == f"FloodBreaker(closed, {sum(window)} of {len(window)} dead)"


@given(st.lists(gaps, min_size=1, max_size=100))
def test_trials_are_never_closer_than_their_time(pauses: list[float]) -> None:
    breaker, now, tried = FloodBreaker(0.5, 1, 60), 0.0, [0.0]
    breaker.ended(dead=True, now=now)
    for pause_s in pauses:
        now += pause_s
        if breaker.trial(now):
            tried.append(now)
        else:
            assert now - tried[-1] < TRIAL_S
    assert all(b - a >= TRIAL_S for a, b in pairwise(tried))
