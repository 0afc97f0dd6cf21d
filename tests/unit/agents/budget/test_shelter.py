import pytest

from agents.budget.shelter import MARGIN, SENDING_S, Shelter
from schemas.lease import Told, nothing
from schemas.standing import WorkerReport
from tests.fakes import ManualClock
from tests.store_builders import CEILINGS, ask, want
from tests.unit.agents.budget.builders import Till

ALL = [600.0, 60_000.0, 12_000.0]
FULL = Told(age_s=0, mark=nothing(), limits=ALL, remaining=[9.0, 1000.0, 200.0])


def report(worker: str = "w1") -> WorkerReport:
    return WorkerReport(worker=worker, classes=(), budgets=())


class Bench:
    """A worker's shelter before a store that can be away; three workers are alive."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.till = Till(self.clock)
        self.shelter = Shelter(self.till, self.clock)

    async def begin(self) -> None:
        for worker in ("w1", "w2", "w3"):
            await self.till.store.beat(report(worker), 0)
        await self.shelter.beat(report(), 0)
        await self.shelter.exchange(ask())

    async def lose(self) -> None:
        self.till.away = True
        await self.shelter.exchange(ask())

    async def find(self) -> None:
        self.till.away = False
        await self.shelter.beat(report(), 0)


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.begin()
    return made


async def test_store_that_is_there_decides(bench: Bench) -> None:
    lease = await bench.shelter.exchange(ask(want()))
    assert (lease.granted, lease.limits) == ([0], CEILINGS)
    assert (bench.shelter.away, bench.shelter.gap_s) == ("", bench.till.gap_s)


async def test_without_the_store_a_worker_has_its_share_and_starts_with_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.till.away = True
    lease = await bench.shelter.exchange(ask(want()))
    assert lease.limits == pytest.approx([limit * MARGIN / 3 for limit in CEILINGS])
    assert (lease.granted, lease.levels) == ([], nothing())
    assert bench.shelter.away == "redis://cache did not answer"
    (record,) = caplog.records
    assert record.getMessage().endswith("this worker goes on with its share, 1 of 3")
    bench.clock.advance(60)
    assert (await bench.shelter.exchange(ask(want()))).granted == [0]


async def test_share_of_a_group_with_strangers_is_divided_again(bench: Bench) -> None:
    bench.till.away = True
    lease = await bench.shelter.exchange(ask(share=0.5))
    assert lease.limits == pytest.approx([limit * 0.5 * MARGIN / 3 for limit in CEILINGS])


async def test_worker_that_never_saw_another_takes_all_but_the_margin() -> None:
    bench = Bench()
    bench.till.away = True
    lease = await bench.shelter.exchange(ask())
    assert lease.limits == pytest.approx([limit * MARGIN for limit in CEILINGS])


async def test_store_that_is_away_is_asked_again_by_the_beat_alone(bench: Bench) -> None:
    await bench.lose()
    before = len(bench.till.asks)
    for _ in range(3):
        await bench.shelter.exchange(ask())
    assert len(bench.till.asks) == before


async def test_beat_that_fails_starts_the_time_alone_and_one_that_comes_through_ends_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.till.away = True
    group = await bench.shelter.beat(report(), 0)
    assert sorted(group.workers) == ["w1", "w2", "w3"]  # as they were last seen
    assert bench.shelter.away
    await bench.find()
    assert bench.shelter.away == ""
    assert (await bench.shelter.exchange(ask())).limits == CEILINGS
    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["store_away", "store_back"]


async def test_each_budget_used_alone_is_synchronised_once(bench: Bench) -> None:
    await bench.lose()
    await bench.shelter.exchange(ask(budget="opus"))
    await bench.find()
    before = len(bench.till.asks)
    for budget in ("haiku", "haiku", "opus", "opus", "sonnet"):
        await bench.shelter.exchange(ask(budget=budget))
    assert [each.resync for each in bench.till.asks[before:]] == [True, False, True, False, False]


async def test_synchronisation_that_fails_is_made_up_for(bench: Bench) -> None:
    await bench.lose()
    await bench.find()
    await bench.lose()
    await bench.find()
    await bench.shelter.exchange(ask())
    assert bench.till.asks[-1].resync


async def test_stock_spent_alone_is_not_in_the_pool_after_it(bench: Bench) -> None:
    await bench.lose()
    await bench.find()
    assert (await bench.shelter.exchange(ask())).levels == nothing()


async def test_headers_of_calls_granted_alone_charge_nothing_twice(bench: Bench) -> None:
    """Their marks count from the own pool, which has seen nothing of what went before."""
    for _ in range(100):
        bench.clock.advance(1)
        assert (await bench.shelter.exchange(ask(want(need=[5.0, 500.0, 100.0])))).granted
    await bench.lose()
    await bench.find()
    told = (FULL,)
    assert (await bench.shelter.exchange(ask(told=told))).levels == nothing()
    bench.clock.advance(1)
    lease = await bench.shelter.exchange(ask(told=told))
    assert lease.levels == pytest.approx([10, 1000, 200])
    assert bench.till.asks[-1].told == ()


async def test_headers_of_later_calls_are_told_again(bench: Bench) -> None:
    await bench.lose()
    await bench.find()
    await bench.shelter.exchange(ask())
    bench.clock.advance(SENDING_S)
    await bench.shelter.exchange(ask(told=(FULL,)))
    assert bench.till.asks[-1].told == (FULL,)


async def test_money_spent_meanwhile_is_told_later(bench: Bench) -> None:
    assert (await bench.shelter.beat(report(), 5)).spent_nanousd == 5
    bench.till.away = True
    for total in (12, 19):
        assert (await bench.shelter.beat(report(), 7)).spent_nanousd == total
    bench.till.away = False
    assert (await bench.shelter.beat(report(), 1)).spent_nanousd == 20
    assert bench.till.beats[-1] == 15
    assert (await bench.shelter.beat(report(), 0)).spent_nanousd == 20


async def test_bug_of_the_store_is_not_taken_for_its_absence(bench: Bench) -> None:
    bench.till.problem = LookupError("ours")
    with pytest.raises(LookupError):
        await bench.shelter.exchange(ask())
    assert bench.shelter.away == ""


async def test_shelter_says_whether_it_is_alone(bench: Bench) -> None:
    assert "alone" not in repr(bench.shelter)
    await bench.lose()
    assert "alone" in repr(bench.shelter)
