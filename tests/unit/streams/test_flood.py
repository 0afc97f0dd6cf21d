import pytest

from streams.flood import TRIAL_S, FloodBreaker


def breaker(ratio: float = 0.5, min_records: int = 10, window_s: float = 60) -> FloodBreaker:
    return FloodBreaker(ratio, min_records, window_s)


def is_open(made: FloodBreaker) -> bool:
    """Read it anew: a type checker takes a property for a constant."""
    return made.is_open


def feed(
    made: FloodBreaker, dead: int, good: int, since: float = 1000.0, gap_s: float = 0.0
) -> float:
    """Let the good ones end first, then the others; return when the last one ended."""
    at = since
    for number in range(good + dead):
        at = since + number * gap_s
        made.ended(dead=number >= good, now=at)
    return at


@pytest.mark.parametrize(
    ("dead", "good", "opens"),
    [(9, 0, False), (10, 0, True), (5, 5, True), (5, 6, False), (49, 51, False), (50, 50, True)],
)
def test_opens_at_its_ratio_of_enough_records(dead: int, good: int, *, opens: bool) -> None:
    made = breaker()
    feed(made, dead, good)
    assert is_open(made) is opens


def test_only_the_window_counts() -> None:
    made = breaker()
    at = feed(made, dead=9, good=0)
    made.ended(dead=True, now=at + 60)
    assert not is_open(made)
    assert repr(made) == "FloodBreaker(closed, 1 of 1 dead)"
    feed(made, dead=9, good=0, since=at + 119)
    assert is_open(made)


def test_steady_flood_in_a_small_class_opens_when_the_window_holds_enough() -> None:
    made = breaker(min_records=10, window_s=60)
    assert feed(made, dead=1000, good=0, gap_s=7) > 0
    assert not is_open(made)  # nine in a minute
    feed(made, dead=1000, good=0, since=10_000, gap_s=5)
    assert is_open(made)


def test_one_record_is_tried_in_ten_seconds_while_it_is_open() -> None:
    made = breaker()
    assert not made.trial(1000)
    opened = feed(made, dead=10, good=0)
    tries = [made.trial(opened + second) for second in range(31)]
    assert [second for second, tried in enumerate(tries) if tried] == [10, 20, 30]
    made.close()
    assert not made.trial(opened + 99)


def test_ends_while_it_is_open_change_nothing() -> None:
    made = breaker()
    opened = feed(made, dead=10, good=0)
    feed(made, dead=5, good=1000, since=opened)
    assert is_open(made)
    assert repr(made) == "FloodBreaker(open, 10 of 10 dead)"


def test_closed_again_it_begins_to_count_anew() -> None:
    made = breaker()
    opened = feed(made, dead=10, good=0)
    made.close()
    feed(made, dead=9, good=0, since=opened)
    assert not is_open(made)
    made.ended(dead=True, now=opened)
    assert is_open(made)
    assert not made.trial(opened + TRIAL_S - 1)
