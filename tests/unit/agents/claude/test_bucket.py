import pytest

from agents.claude.bucket import Bucket

NOW = 500.0


def bucket(limit: int | None = 600, level: float | None = None) -> Bucket:
    """Return a bucket of ten a second, and ten of it."""
    made = Bucket.of(limit, NOW)
    if level is not None:
        made.level = level
    return made


def test_new_bucket_is_full_with_one_second_of_its_limit() -> None:
    made = bucket()
    assert (made.capacity, made.level, made.rate) == (10, 10, 10)


def test_bucket_holds_at_least_one() -> None:
    assert bucket(6).capacity == 1


def test_bucket_refills_evenly_and_not_over_its_capacity() -> None:
    made = bucket(level=0)
    made.refill(NOW + 0.25)
    assert made.level == 2.5
    made.refill(NOW + 90)
    assert made.level == 10


def test_clock_that_goes_back_changes_nothing() -> None:
    made = bucket(level=0)
    made.refill(NOW - 10)
    assert (made.level, made.at) == (0, NOW)


def test_wait_is_the_time_until_the_amount_is_there() -> None:
    made = bucket(level=4)
    assert made.wait_s(3) == 0  # one of the four stays
    assert made.wait_s(4) == pytest.approx(0.1)
    assert made.wait_s(5) == pytest.approx(0.2)
    assert made.wait_s(9) == pytest.approx(0.6)
    assert made.wait_s(9000) == pytest.approx(0.6)  # until it is full


@pytest.mark.parametrize(
    ("limit", "burst", "headroom"),
    [(600, 10, 1), (600, 5, 0.5), (600, 300, 1), (6, 1, 0.01), (None, 1, 0)],
)
def test_headroom_is_a_tenth_of_a_second_and_at_most_a_tenth_of_the_burst(
    limit: int | None, burst: float, headroom: float
) -> None:
    made = bucket(limit)
    made.capacity = burst
    assert made.headroom == pytest.approx(headroom)


def test_headroom_is_left_by_all_that_fit() -> None:
    made = bucket()
    went = 0
    while made.wait_s(1) == 0:
        made.take(1)
        went += 1
    assert (went, made.level) == (9, made.headroom)


def test_debt_is_paid_by_the_refill() -> None:
    made = bucket()
    made.take(30)
    assert made.level == -20
    assert made.wait_s(1) == pytest.approx(2.2)  # to zero, the headroom, and the one


def test_what_is_given_back_does_not_overflow() -> None:
    made = bucket()
    made.take(4)
    made.take(-100)
    assert made.level == 10
    assert made.charged == -96


def test_without_a_limit_nothing_waits_and_use_is_still_known() -> None:
    made = bucket(None)
    made.take(1e9)
    assert made.wait_s(1e9) == 0
    assert made.used_last_minute(NOW) == 0  # taken is not used yet
    made.use(1e9)
    assert made.used_last_minute(NOW) == 1e9


def test_use_of_the_last_minute_forgets_what_is_older() -> None:
    made = bucket()
    for second in range(3):
        made.refill(NOW + second)
        made.use(1)
    assert made.used_last_minute(NOW + 59) == 3
    assert made.used_last_minute(NOW + 60) == 2
    assert made.used_last_minute(NOW + 62) == 0


def test_use_is_shown_and_charges_nothing() -> None:
    made = bucket(level=8)
    made.use(5)
    made.use(2)
    assert (made.level, made.charged, made.used_last_minute(NOW)) == (8, 0, 7)


def test_first_limit_that_is_told_starts_empty_until_headers_show_what_is_left() -> None:
    made = bucket(None)
    made.adopt(600, NOW)
    assert (made.limit, made.capacity, made.level) == (600, 10, 0)
    made.learn(599, 601)
    assert (made.capacity, made.level) == (599, 589)


def test_first_limit_below_sixty_still_holds_one() -> None:
    made = bucket(None)
    made.adopt(6, NOW)
    assert made.capacity == 1


def test_halved_limit_halves_burst_rate_and_level() -> None:
    made = bucket(level=8)
    made.adopt(300, NOW)
    assert (made.capacity, made.level, made.rate) == (5, 4, 5)


def test_doubled_limit_doubles_burst_and_rate_but_gives_nothing_away() -> None:
    made = bucket(level=8)
    made.adopt(1200, NOW)
    assert (made.capacity, made.level, made.rate) == (20, 8, 20)


@pytest.mark.parametrize("limit", [300, 1200])
def test_debt_is_not_forgiven_by_a_new_limit(limit: int) -> None:
    made = bucket(level=-50)
    made.adopt(limit, NOW)
    assert made.level == -50


def test_refill_until_the_change_counts_at_the_old_rate() -> None:
    made = bucket(level=0)
    made.adopt(1200, NOW + 0.5)
    assert made.level == 5


def test_same_limit_changes_nothing() -> None:
    made = bucket(level=3)
    made.adopt(600, NOW)
    assert (made.capacity, made.level) == (10, 3)


def test_more_than_fits_shows_a_larger_burst() -> None:
    made = bucket(level=3)
    made.learn(50, 51)
    assert (made.capacity, made.level) == (50, 43)


def test_burst_never_exceeds_a_minute_of_the_limit() -> None:
    made = bucket()
    made.learn(1e6, 1e6)
    assert made.capacity == 600


def test_less_than_thought_lowers_the_level_only() -> None:
    made = bucket(level=8)
    made.learn(-500, 2)
    assert (made.capacity, made.level) == (10, 2)


def test_lower_end_of_what_is_told_raises_no_level() -> None:
    made = bucket(level=3)
    made.learn(9, 10)
    assert made.level == 3
