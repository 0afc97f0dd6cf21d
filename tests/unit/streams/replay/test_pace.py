from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.live import Gate
from streams.replay.pace import CATCH_UP_S, Pace, Tide


@given(
    st.integers(1, 1000),
    st.lists(st.floats(0, 0.2), min_size=1, max_size=200),
)
def test_never_more_than_the_rate_in_a_second(per_s: int, delays: list[float]) -> None:
    pace, now, sent = Pace(per_s), 1000.0, []
    for delay in delays:  # how late the sleeper wakes up
        now += pace.wait_s(now) + delay
        sent.append(now)
    for first in sent:
        within = sum(first <= at < first + 1 for at in sent)
        assert within <= per_s * (1 + CATCH_UP_S) + 2


def test_small_delays_do_not_lower_the_rate() -> None:
    pace, now, sent = Pace(100), 0.0, []
    for _ in range(200):
        now += pace.wait_s(now) + 0.001
        sent.append(now)
    assert sent[-1] == pytest.approx(2.0, abs=0.03)


def test_sends_are_spread_evenly() -> None:
    pace, now, sent = Pace(4), 10.0, []
    for _ in range(8):
        now += pace.wait_s(now)
        sent.append(now)
    assert [later - earlier for earlier, later in pairwise(sent)][1:] == pytest.approx([0.25] * 6)


@pytest.mark.parametrize(
    ("lags", "verdicts"),
    [
        ([0, 0, 50, 100], [False] * 4),
        ([0, 101, 102, 102], [False, True, True, False]),
        ([500, 560, 600, 601, 590], [False, False, False, True, False]),
        ([500, 0, 300, 601], [False, False, False, True]),
    ],
)
def test_tide_rises_above_the_start_by_more_than_the_margin(
    lags: list[int], verdicts: list[bool]
) -> None:
    tide = Tide(margin=100)
    assert [tide.rises(lag) for lag in lags] == verdicts


async def test_gate_closes_and_opens_and_says_so_once() -> None:
    said: list[str] = []
    gate = Gate(said.append)
    for lag in (0, 1000, 2000):
        gate.look(lag)
    assert said == ["waiting: live events pile up, 1000 are not done yet"]
    gate.look(2000)
    await gate.passed()
    gate.look(1500)
    assert said[1:] == ["going on: live events pile up no longer"]
