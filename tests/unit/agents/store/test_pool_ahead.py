"""When a stock is leased ahead, and how much of it."""

import pytest

from agents.store.line import WAITING_S
from agents.store.pool import Pool
from schemas.lease import Amounts, Lease, Want
from tests.store_builders import START, ask, full, want

BURST_S = 4.0
NOW = START + BURST_S
LARGE = want(need=[50, 0, 0])


def pool() -> Pool:
    """Return a pool of forty requests, ten of which are spent."""
    made = full(Pool.first(ask(bursts_s=[BURST_S] * 3), START), BURST_S)
    made.exchange(ask(want(need=[10, 0, 0])), NOW)
    return made


def lease(made: Pool, worker: str, now: float, *wants: Want, ahead: Amounts) -> Lease:
    return made.exchange(ask(*wants, worker=worker, ahead=ahead), now)


def test_nothing_is_leased_ahead_while_somebody_waits() -> None:
    made = pool()
    assert lease(made, "w1", NOW, LARGE, ahead=[2, 0, 0]).ahead == [0, 0, 0]
    assert lease(made, "w2", NOW, ahead=[2, 0, 0]).ahead == [0, 0, 0]


@pytest.mark.parametrize(("silent_s", "leased"), [(WAITING_S - 0.25, 0), (WAITING_S, 2)])
def test_who_went_silent_in_the_line_holds_nobody_up(silent_s: float, leased: float) -> None:
    """The same silence that costs a worker its place in the line."""
    made = pool()
    lease(made, "w1", NOW, LARGE, ahead=[0, 0, 0])
    assert lease(made, "w2", NOW + silent_s, ahead=[2, 0, 0]).ahead == [leased, 0, 0]


def test_half_of_what_is_spare_is_divided_among_all_workers() -> None:
    made = pool()
    lease(made, "w2", NOW, ahead=[0, 0, 0])
    # 30 are left and 4 are the cushion.
    assert lease(made, "w1", NOW, ahead=[20, 0, 0]).ahead == pytest.approx([6.5, 0, 0])
