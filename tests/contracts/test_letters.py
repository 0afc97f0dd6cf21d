"""Open dead letters and resets of breakers: one suite, run on all stores."""

import pytest

from agents.store.opening import Store
from schemas.claim import Reset
from schemas.workload import WorkloadClass
from tests.contracts.conftest import Stores
from tests.store_builders import letter, page, report

BATCH, REALTIME = WorkloadClass.BATCH, WorkloadClass.REALTIME


@pytest.fixture
async def store(stores: Stores, app: str) -> Store:
    return await stores.open(app)


async def count(store: Store) -> dict[WorkloadClass, int]:
    return (await store.group()).open_letters


async def test_letters_are_counted_by_class(store: Store) -> None:
    both = [letter("docs:0:1"), letter("docs:0:2"), letter("chat:0:1", workload=REALTIME)]
    await store.write(page(letters=both))
    expected = {BATCH: 2, REALTIME: 1}
    assert await count(store) == expected
    assert (await store.beat(report(), 0)).open_letters == expected


async def test_a_letter_marked_again_counts_once(store: Store) -> None:
    for _ in range(2):
        await store.write(page(letters=[letter(), letter(), letter(replays=1)]))
    assert await count(store) == {BATCH: 1}


async def test_a_letter_that_is_dealt_with_is_not_counted(store: Store) -> None:
    await store.write(page(letters=[letter("docs:0:1"), letter("docs:0:2")]))
    closed = letter("docs:0:1", is_open=False)
    for _ in range(2):
        await store.write(page(letters=[closed, letter("docs:0:9", is_open=False)]))
        assert await count(store) == {BATCH: 1}
    await store.write(page(letters=[letter("docs:0:2", is_open=False)]))
    assert await count(store) == {}


@pytest.mark.parametrize(("replays", "left"), [(0, {BATCH: 1}), (1, {}), (2, {})])
async def test_only_what_is_known_of_earlier_replays_is_closed(
    store: Store, replays: int, left: dict[WorkloadClass, int]
) -> None:
    await store.write(page(letters=[letter(replays=1), letter(replays=0)]))
    await store.write(page(letters=[letter(replays=replays, is_open=False)]))
    assert await count(store) == left


async def test_the_ledger_is_made_anew(store: Store) -> None:
    await store.write(page(letters=[letter("docs:0:1", replays=2), letter(workload=REALTIME)]))
    many = {f"docs:0:{n}": 0 for n in range(2500)}
    await store.replace_letters({BATCH: many | {"docs:0:1": 1}})
    assert await count(store) == {BATCH: 2500}
    closed = [letter("docs:0:1", replays=1, is_open=False), letter("docs:0:2", is_open=False)]
    await store.write(page(letters=closed))
    assert await count(store) == {BATCH: 2498}
    await store.replace_letters({})
    assert await count(store) == {}


async def test_resets_are_counted_by_class(store: Store) -> None:
    assert (await store.group()).resets == {}
    await store.reset_breaker(BATCH, accept=True)
    await store.reset_breaker(REALTIME, accept=False)
    await store.reset_breaker(REALTIME, accept=True)
    await store.reset_breaker(REALTIME, accept=False)
    expected = {BATCH: Reset(number=1, accept=True), REALTIME: Reset(number=3, accept=False)}
    assert (await store.group()).resets == expected
    assert (await store.beat(report(), 0)).resets == expected
