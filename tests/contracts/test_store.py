"""What every store does: one suite, run on all of them."""

import asyncio
from dataclasses import replace

import pytest

from agents.store.opening import Store
from agents.store.pool import FIRST_BURST_S, FIRST_STOCK, MEMBER_S, Pool
from schemas.lease import Closing, Told
from tests.contracts.conftest import Stores
from tests.store_builders import CEILINGS, RULES, START, Clock, ask, report, want

DAY_S = 86_400


@pytest.fixture
async def store(stores: Stores, app: str) -> Store:
    return await stores.open(app)


@pytest.fixture
async def full(store: Store, clock: Clock) -> Store:
    """Return the store when the rest of the first burst has come in."""
    await store.exchange(ask())
    clock.now += FIRST_BURST_S
    return store


@pytest.fixture
async def other(stores: Stores, store: Store, app: str) -> Store:
    """Return the store as a second worker opens it."""
    assert store
    return await stores.open(app)


async def test_a_new_budget_starts_with_a_part_of_its_first_burst(store: Store) -> None:
    lease = await store.exchange(ask())
    assert lease.levels == [FIRST_STOCK * capacity for capacity in (10, 1000, 200)]


async def test_grants_what_fits_and_says_when_to_look_again(full: Store) -> None:
    lease = await full.exchange(ask(*[want(deadline=n, need=[4, 0, 0]) for n in range(3)]))
    assert lease.granted == [0, 1]
    # The bucket holds 10, keeps 1 as cushion, and 8 are gone: 4 need 3 more.
    assert lease.levels == [2, 1000, 200]
    assert lease.look_again_s == pytest.approx(0.3)
    assert (lease.limits, lease.capacities) == (CEILINGS, [10, 1000, 200])


async def test_lease_is_exactly_that_of_the_pool(store: Store, clock: Clock) -> None:
    """Nothing is rounded on the way: neither a large sum nor a third."""
    asks = [
        ask(want(0, 3, [1 / 3, 7 / 3, 1 / 7]), want(3, 9, [2, 999, 1]), ahead=[1, 2 / 3, 3]),
        ask(returned=[0.1, -1e12 / 7, 0.3], bursts_s=[1 / 3, 0, 0]),
        ask(want(3, 1e5 + 1 / 3, [1, 900.1, 1]), worker="w2"),
    ]
    pool = Pool.first(asks[0], clock.now)
    for each in asks:
        lease = await store.exchange(each)
        assert lease == pool.exchange(each, clock.now)
        clock.now += 0.123


async def test_workers_share_one_stock(full: Store, other: Store) -> None:
    await full.exchange(ask(want(need=[5, 0, 0])))
    lease = await other.exchange(ask(want(need=[5, 0, 0]), worker="w2"))
    assert lease.granted == []
    assert lease.levels[0] == 5
    assert lease.mark == [5, 0, 0]


async def test_what_is_given_back_is_there_for_others(full: Store, other: Store) -> None:
    await full.exchange(ask(want(need=[8, 800, 0])))
    await full.exchange(ask(returned=[0, 500, 0]))
    lease = await other.exchange(ask(worker="w2"))
    assert lease.levels == [2, 700, 200]


async def test_stock_refills_with_time(full: Store, clock: Clock) -> None:
    await full.exchange(ask(want(need=[9, 900, 180])))
    clock.now += 0.5
    lease = await full.exchange(ask())
    assert lease.levels == pytest.approx([6, 600, 120])


async def test_a_clock_that_went_back_grants_nothing_twice(full: Store, clock: Clock) -> None:
    assert (await full.exchange(ask(want(need=[9, 0, 0])))).granted == [0]
    clock.now -= 3600
    assert (await full.exchange(ask(want(need=[9, 0, 0])))).granted == []
    clock.now += 1
    assert (await full.exchange(ask(want(need=[9, 0, 0])))).granted == [0]


async def test_stock_leased_ahead_is_nobody_elses(full: Store, other: Store) -> None:
    lease = await full.exchange(ask(ahead=[2, 0, 0]))
    assert lease.ahead == [2, 0, 0]
    assert (await other.exchange(ask(worker="w2"))).levels[0] == 8


async def test_a_closing_is_for_every_worker(store: Store, other: Store, clock: Clock) -> None:
    await store.exchange(ask(closing=Closing(seconds=30, reason="rate_limit")))
    lease = await other.exchange(ask(want(), worker="w2"))
    assert (lease.granted, lease.closed_s, lease.closed_for) == ([], 30, "rate_limit")
    assert lease.look_again_s == 30
    clock.now += 31
    reopened = await other.exchange(ask(want(), want(), worker="w2"))
    assert (reopened.granted, reopened.probing) == ([0], True)


async def test_a_limit_that_headers_tell_is_known_to_all(store: Store, other: Store) -> None:
    told = Told(age_s=0, mark=[0, 0, 0], limits=[300, 0, 0], remaining=[5, 0, 0])
    await store.exchange(ask(told=(told,)))
    lease = await other.exchange(ask(worker="w2"))
    assert lease.limits == [300, *CEILINGS[1:]]
    assert lease.known == [300, 0, 0]


async def test_a_head_that_waits_elsewhere_goes_first(full: Store, other: Store) -> None:
    """Size does not invert the order of the line, across workers neither."""
    await full.exchange(ask(want(need=[7, 0, 0])))
    await full.exchange(ask(want(0, need=[8, 0, 0])))
    lease = await other.exchange(ask(want(1, need=[1, 0, 0]), worker="w2"))
    assert lease.granted == []


async def test_budgets_are_apart(store: Store) -> None:
    for budget in ("haiku", "opus: 5.1"):
        lease = await store.exchange(ask(want(need=[7, 0, 0]), budget=budget))
        assert lease.granted == [0]


async def test_unknown_limits_let_one_probe_go(store: Store) -> None:
    unlimited = replace(RULES, ceilings=[0, 0, 0])
    lease = await store.exchange(ask(want(), want(), rules=unlimited))
    assert (lease.granted, lease.probing) == ([0], True)
    assert (lease.limits, lease.capacities) == ([0, 0, 0], [0, 0, 0])


async def test_never_grants_more_than_the_stock_when_all_ask_at_once(
    full: Store, other: Store
) -> None:
    one = ask(*[want(need=[1, 0, 0])] * 3)
    leases = await asyncio.gather(
        *[full.exchange(one) for _ in range(5)],
        *[other.exchange(replace(one, worker="w2")) for _ in range(5)],
    )
    assert sum(len(lease.granted) for lease in leases) == 9  # ten, and one is the cushion


async def test_a_beat_returns_everybody_alive(store: Store, other: Store) -> None:
    await store.beat(report("w1"), 0)
    group = await other.beat(report("w2"), 0)
    assert group.workers == {"w1": report("w1"), "w2": report("w2")}
    assert await store.group() == group


async def test_spending_adds_up_until_the_utc_day_ends(
    store: Store, other: Store, clock: Clock
) -> None:
    large = 9_007_199_254_740_993  # more than a float holds exactly
    await store.beat(report("w1"), large)
    assert (await other.beat(report("w2"), 2)).spent_nanousd == large + 2
    assert (await store.group()).spent_nanousd == large + 2
    clock.now = (START // DAY_S + 1) * DAY_S
    assert (await store.group()).spent_nanousd == 0
    assert (await store.beat(report("w1"), 3)).spent_nanousd == 3


async def test_a_silent_worker_is_gone(store: Store, other: Store, clock: Clock) -> None:
    await store.beat(report("w1"), 0)
    clock.now += MEMBER_S - 1
    assert set((await other.beat(report("w2"), 0)).workers) == {"w1", "w2"}
    clock.now += 1
    assert set((await other.group()).workers) == {"w2"}
    assert set((await other.beat(report("w2"), 0)).workers) == {"w2"}


async def test_a_clock_that_went_back_keeps_no_dead_worker(store: Store, clock: Clock) -> None:
    await store.beat(report("w1"), 0)
    clock.now -= 3600
    assert set((await store.beat(report("w2"), 0)).workers) == {"w1", "w2"}
    clock.now += MEMBER_S
    assert set((await store.beat(report("w2"), 0)).workers) == {"w2"}


async def test_a_worker_that_leaves_is_gone_at_once(store: Store, other: Store) -> None:
    await store.beat(report("w1"), 7)
    await other.beat(report("w2"), 0)
    await store.leave("w1")
    group = await other.group()
    assert (set(group.workers), group.spent_nanousd) == ({"w2"}, 7)
    await store.leave("w1")


async def test_reading_changes_nothing(store: Store) -> None:
    assert (await store.group()).workers == {}
    assert (await store.group()).spent_nanousd == 0


async def test_start_and_stop_are_safe_twice(store: Store) -> None:
    await store.start()
    await store.exchange(ask(want()))
    await store.stop()
    await store.stop()


async def test_a_store_names_the_price_of_an_exchange(store: Store) -> None:
    assert 0 < store.gap_s <= 0.05
    assert type(store).__name__ in repr(store)
