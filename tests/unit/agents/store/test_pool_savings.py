"""What a waiting class saves of the refill, and for whom."""

import pytest

from agents.store.pool import Pool
from schemas.lease import Lease, Want
from tests.store_builders import START, ask, want

BATCH = 3


class Shop:
    """A pool of ten requests a second, and a clock; realtime calls keep its stock low."""

    def __init__(self) -> None:
        self.now = START
        self.pool = Pool.first(ask(bursts_s=[4, 4, 4]), self.now)

    def exchange(self, worker: str, *wants: Want, debt: float = 0) -> Lease:
        asked = ask(*wants, worker=worker, returned=[-debt, 0, 0])
        return self.pool.exchange(asked, self.now)

    def pass_busy(self, seconds: float, *waiting: Want) -> None:
        for _ in range(round(seconds * 2)):
            self.exchange("busy", *[want(0, need=[1, 0, 0])] * 40)
            assert self.exchange("w1", *waiting).granted == []
            self.now += 0.5

    def saved(self) -> float:
        return self.pool.saved[BATCH][0]


def test_a_waiting_class_saves_its_floor_of_the_refill() -> None:
    shop = Shop()
    shop.pass_busy(6, want(BATCH, need=[12, 0, 0]))
    assert shop.saved() == pytest.approx(0.05 * 10 * 5.5)


def test_savings_are_for_the_first_head_of_the_class_in_whichever_worker() -> None:
    shop = Shop()
    head = want(BATCH, 0, [12, 0, 0])
    shop.pass_busy(6, head)
    saved = shop.saved()
    assert shop.exchange("w2", want(BATCH, 1, [1, 0, 0])).granted == []
    assert shop.saved() >= saved


def test_savings_are_spent_by_the_head_that_they_were_for() -> None:
    shop = Shop()
    shop.pass_busy(6, want(BATCH, need=[3, 0, 0]))
    shop.exchange("busy", *[want(0, need=[1, 0, 0])] * 40)
    assert shop.exchange("w1", want(BATCH, need=[3, 0, 0])).granted == [0]
    assert shop.saved() < 0.1


def test_nobody_goes_on_savings_while_the_bucket_is_in_debt() -> None:
    shop = Shop()
    shop.pass_busy(6, want(BATCH, need=[12, 0, 0]))
    lease = shop.exchange("w1", want(BATCH, need=[1, 0, 0]), debt=20)
    assert shop.saved() > 1
    assert lease.granted == []
    assert lease.look_again_s == pytest.approx(-lease.levels[0] / 10)


def test_savings_of_a_class_that_stopped_waiting_go_back() -> None:
    shop = Shop()
    shop.pass_busy(6, want(BATCH, need=[12, 0, 0]))
    before = shop.pool.levels[0] + shop.saved()
    shop.exchange("w1")
    shop.exchange("w1")
    assert shop.saved() == 0
    assert shop.pool.levels[0] == pytest.approx(before + 5)
