"""Claims, bought answers and settled marks: one suite, run on all stores."""

import pytest

from agents.store.opening import Store
from agents.store.pool import MEMBER_S
from schemas.claim import Claim
from tests.contracts.conftest import Stores
from tests.store_builders import Clock, answer, page, report

NEW = Claim(state="granted")
SETTLED = Claim(state="settled")
OWNED = Claim(state="owned")
RETENTION_S = 600.0


def granted(deliveries: int, deaths_alone: int = 0) -> Claim:
    return Claim(state="granted", deliveries=deliveries, deaths_alone=deaths_alone)


@pytest.fixture
async def store(stores: Stores, app: str) -> Store:
    """Return a store in which two workers have just shown that they live."""
    made = await stores.open(app, retention_s=RETENTION_S)
    await alive(made)
    return made


async def alive(store: Store) -> None:
    for worker in ("w1", "w2"):
        await store.beat(report(worker), 0)


async def claim(store: Store, identity: str = "a", worker: str = "w1") -> Claim:
    (claimed,) = await store.write(page(worker, claims=identity))
    return claimed


async def death(store: Store, clock: Clock, worker: str = "w1") -> None:
    """Let a worker fall silent while the other goes on."""
    clock.now += MEMBER_S
    await store.beat(report("w2" if worker == "w1" else "w1"), 0)


async def test_unknown_records_are_granted_in_order(store: Store) -> None:
    await store.write(page(settled="b"))
    claimed = await store.write(page(claims="a b c a"))
    assert claimed == (NEW, SETTLED, NEW, NEW)


async def test_a_claim_written_again_changes_nothing(store: Store) -> None:
    for _ in range(3):
        assert await claim(store) == NEW


async def test_a_record_of_a_living_worker_is_owned(store: Store) -> None:
    await claim(store)
    assert await claim(store, worker="w2") == OWNED
    assert await claim(store) == NEW


async def test_a_worker_that_is_silent_loses_its_records(store: Store, clock: Clock) -> None:
    await claim(store)
    clock.now += MEMBER_S - 1
    assert await claim(store, worker="w2") == OWNED
    clock.now += 1
    assert await claim(store, worker="w2") == granted(2)


async def test_a_worker_that_left_loses_its_records_at_once(store: Store) -> None:
    await claim(store)
    await store.leave("w1")
    assert await claim(store, worker="w2") == granted(2)


async def test_who_was_taken_for_dead_and_is_not_finds_its_record_owned(
    store: Store, clock: Clock
) -> None:
    await claim(store)
    await death(store, clock)
    await claim(store, worker="w2")
    await alive(store)
    assert await claim(store) == OWNED


async def test_every_death_is_a_delivery(store: Store, clock: Clock) -> None:
    await claim(store)
    for deliveries, worker in ((2, "w2"), (3, "w1"), (4, "w2")):
        await death(store, clock, "w1" if worker == "w2" else "w2")
        assert await claim(store, worker=worker) == granted(deliveries)


async def test_deaths_of_records_that_ran_alone_are_counted(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a b"))
    await store.write(page(alone="a"))
    await death(store, clock)
    claimed = await store.write(page("w2", claims="a b"))
    assert claimed == (granted(2, deaths_alone=1), granted(2))
    # It does not run alone now: the next death is not its own.
    await death(store, clock, "w2")
    assert await claim(store) == granted(3, deaths_alone=1)


async def test_only_its_worker_says_that_a_record_runs_alone(store: Store, clock: Clock) -> None:
    await claim(store)
    await store.write(page("w2", alone="a unknown"))
    await death(store, clock)
    assert await store.write(page("w2", claims="a unknown")) == (granted(2), NEW)


async def test_a_record_claimed_and_alone_in_one_page_runs_alone(
    store: Store, clock: Clock
) -> None:
    await store.write(page(claims="a", alone="a"))
    await death(store, clock)
    assert await claim(store, worker="w2") == granted(2, deaths_alone=1)


async def test_a_record_given_back_is_no_delivery(store: Store) -> None:
    await claim(store)
    await store.write(page(released="a unknown"))
    assert await claim(store, worker="w2") == NEW


async def test_a_record_given_back_runs_alone_no_longer(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a", alone="a"))
    await store.write(page(released="a"))
    await death(store, clock)
    assert await claim(store, worker="w2") == NEW


async def test_a_record_given_back_keeps_what_was_told_of_it(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a", alone="a", answers=[answer("a")]))
    await death(store, clock)
    await claim(store, worker="w2")
    await store.write(page("w2", released="a"))
    claimed = await claim(store)
    assert (claimed.deliveries, claimed.deaths_alone) == (2, 1)
    assert claimed.answers == (answer("a"),)


async def test_nobody_gives_back_what_another_has(store: Store) -> None:
    await claim(store)
    await store.write(page("w2", released="a"))
    assert await claim(store, worker="w2") == OWNED


async def test_a_bought_answer_is_there_for_the_next_owner(store: Store, clock: Clock) -> None:
    text = '{"output":"\N{EURO SIGN} \N{GRINNING FACE} \\u0000: 1,2"}\n' + "x" * 100_000
    kept = (answer("a", 0, "v 1:b", text), answer("a", 1, "v 1:b"), answer("a", 10, "v 1:b"))
    await claim(store)
    await store.write(page(answers=reversed(kept)))
    await store.write(page(answers=[answer("a", 0, "u"), answer("b")]))
    await death(store, clock)
    claimed = await claim(store, worker="w2")
    assert claimed.deliveries == 2
    assert claimed.answers == (answer("a", 0, "u"), *kept)


async def test_claims_of_one_page_get_each_its_own_answers(store: Store) -> None:
    await store.write(page(answers=[answer("c"), answer("a", 1), answer("a", 0)], settled="d"))
    claimed = await store.write(page(claims="a b c d"))
    assert [each.answers for each in claimed] == [
        (answer("a", 0), answer("a", 1)),
        (),
        (answer("c"),),
        (),
    ]


async def test_the_last_answer_to_a_turn_counts(store: Store) -> None:
    await store.write(page(answers=[answer(reply="1"), answer(reply="2")]))
    await store.write(page(answers=[answer(reply="3")], claims="a"))
    assert (await claim(store)).answers == (answer(reply="3"),)


async def test_an_answer_to_a_record_that_nobody_knows_is_kept(store: Store) -> None:
    """A Redis was flushed between the claim and the answer."""
    await store.write(page(answers=[answer("a")]))
    claimed = await claim(store, worker="w2")
    assert (claimed.deliveries, claimed.answers) == (1, (answer("a"),))


async def test_a_settled_record_needs_no_answers(store: Store) -> None:
    await store.write(page(claims="a b", answers=[answer("a"), answer("b")]))
    await store.write(page(settled="a b c"))
    await store.write(page(answers=[answer("a")], released="b", alone="c"))
    for worker in ("w1", "w2"):
        assert await store.write(page(worker, claims="a b c")) == (SETTLED,) * 3


async def test_answered_settled_and_claimed_in_one_page(store: Store) -> None:
    assert await store.write(page(answers=[answer("a")], settled="a", claims="a")) == (SETTLED,)


async def test_a_settled_mark_ends(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a", answers=[answer("a")]))
    await store.write(page(settled="a"))
    clock.now += RETENTION_S - 1
    assert await claim(store) == SETTLED
    await store.write(page(settled="a"))  # says nothing new
    clock.now += 2
    assert await claim(store) == NEW
    await store.write(page(settled="a"))
    assert await claim(store) == SETTLED


async def test_a_record_that_nobody_comes_back_for_is_forgotten(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a b", answers=[answer("a"), answer("b")]))
    clock.now += RETENTION_S - 1
    await store.write(page(answers=[answer("b", 1)]))
    clock.now += 2
    claimed = await store.write(page("w2", claims="a b"))
    assert claimed[0] == NEW
    assert claimed[1].deliveries == 2
    assert claimed[1].answers == (answer("b", 0), answer("b", 1))


async def test_an_answer_to_a_forgotten_record_is_kept_alone(store: Store, clock: Clock) -> None:
    await store.write(page(claims="a", answers=[answer("a", 0)]))
    clock.now += RETENTION_S + 1
    await store.write(page(answers=[answer("a", 1)]))
    claimed = await claim(store)
    assert (claimed.deliveries, claimed.answers) == (1, (answer("a", 1),))


async def test_a_page_of_hundreds_is_one_step(store: Store) -> None:
    identities = " ".join(f"r{n}" for n in range(500))
    answers = [answer(identity) for identity in identities.split()]
    claimed = await store.write(page(answers=answers, claims=identities))
    assert len(claimed) == 500
    assert claimed[-1].answers == (answer("r499"),)


async def test_an_empty_page(store: Store) -> None:
    assert await store.write(page()) == ()


async def test_applications_know_nothing_of_each_other(store: Store, stores: Stores) -> None:
    if stores.url.startswith("memory:"):
        return  # it has one application
    other = await stores.open("bank")
    await store.write(page(claims="a", settled="b", answers=[answer("a")]))
    assert await other.write(page("w2", claims="a b")) == (NEW, NEW)
