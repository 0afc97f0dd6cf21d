import asyncio
from typing import Any

import pytest

from schemas.claim import LetterMark
from schemas.workload import WorkloadClass
from streams.claims import MOST_IN_A_PAGE, STOP_S
from tests.claims_office import NEW, SETTLED, Office, answer
from tests.fakes import until
from tests.hasty_loop import HASTY


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


async def test_claims_are_answered_in_the_order_in_which_they_were_asked(office: Office) -> None:
    names = [f"r-{number}" for number in range(50)]
    assert await asyncio.gather(*office.asking(*names)) == [NEW] * 50
    assert office.told == names


async def test_claims_of_one_moment_are_one_page(office: Office) -> None:
    await asyncio.gather(*office.asking("a", "b", "c"))
    assert [page.claims for page in office.store.pages] == [("a", "b", "c")]


async def test_what_comes_while_a_page_is_written_goes_into_the_next(office: Office) -> None:
    office.store.open.clear()
    first = office.asking("a")
    await until(lambda: len(office.store.pages) == 1)
    others = office.asking("b", "c")
    kept = asyncio.create_task(office.claims.keep(answer("a")))
    await until(lambda: "3 held" in repr(office.claims))
    office.store.open.set()
    await asyncio.gather(kept, *first, *others)
    assert [page.claims for page in office.store.pages] == [("a",), ("b", "c")]
    assert office.store.pages[1].answers == (answer("a"),)
    assert office.told == ["a", "b", "c"]


async def test_large_news_are_written_in_several_pages(office: Office) -> None:
    names = [f"r-{number}" for number in range(MOST_IN_A_PAGE + 1)]
    await asyncio.gather(*office.asking(*names))
    assert office.told == names
    assert [len(page.claims) for page in office.store.pages] == [MOST_IN_A_PAGE, 1]


async def test_record_given_back_and_taken_again_is_kept_however_many_pages_that_takes(
    office: Office,
) -> None:
    names = [f"r-{number}" for number in range(2 * MOST_IN_A_PAGE)]
    await asyncio.gather(*office.asking(*names))
    office.store.open.clear()
    slow = office.asking("slow")
    await until(lambda: office.store.pages[-1].claims == ("slow",))
    for name in names:
        office.claims.release(name)
    again = office.asking(names[-1])
    await until(lambda: "2 held" in repr(office.claims))
    office.store.open.set()
    await asyncio.gather(*slow, *again)
    assert (await office.seen(names[-1])).state == "owned"


async def test_record_of_another_worker_is_owned_until_it_is_settled(office: Office) -> None:
    other = office.worker("other")
    assert await other.claim("a") == NEW
    await office.store.live("other")
    assert (await office.claims.claim("a")).state == "owned"
    assert repr(office.claims) == "Claims(me, 0 held)"
    other.settle("a")
    await other.claim("marker")
    assert await office.claims.claim("a") == SETTLED


async def test_answers_come_back_with_the_claim_of_the_next_owner(office: Office) -> None:
    await office.claims.claim("a")
    await office.claims.keep(answer("a", 0))
    await office.claims.keep(answer("a", 1))
    office.claims.release("a")
    await office.written()
    heir = office.worker("heir")
    assert (await heir.claim("a")).answers == (answer("a", 0), answer("a", 1))


async def test_release_counts_no_delivery(office: Office) -> None:
    for _ in range(5):
        assert await office.claims.claim("a") == NEW
        office.claims.release("a")
    await office.written()
    assert await office.worker("heir").claim("a") == NEW


async def test_silent_death_of_a_worker_counts_a_delivery(office: Office) -> None:
    for number in range(1, 4):
        claim = await office.worker(f"w-{number}").claim("a")
        assert (claim.state, claim.deliveries, claim.deaths_alone) == ("granted", number, 0)


async def test_death_alone_is_counted_and_a_wait_in_company_is_none(office: Office) -> None:
    await office.claims.claim("a")
    await office.claims.alone("a")
    second = office.worker("second")
    assert (await second.claim("a")).deaths_alone == 1
    await second.alone("a")
    second.together("a")
    await second.claim("marker")
    claim = await office.worker("third").claim("a")
    assert (claim.deliveries, claim.deaths_alone) == (3, 1)


async def test_settled_is_written_a_little_later_and_takes_the_letter_along(office: Office) -> None:
    await office.claims.claim("a")
    mark = LetterMark(workload=WorkloadClass.BATCH, source="t:0:1", replays=0, is_open=True)
    office.claims.settle("a", mark)
    await until(lambda: len(office.store.pages) == 2)
    assert office.store.pages[1].settled == ("a",)
    assert office.store.pages[1].letters == (mark,)
    assert (await office.store.group()).open_letters == {WorkloadClass.BATCH: 1}


async def test_answer_that_was_not_written_when_its_record_ended_is_not_written(
    office: Office,
) -> None:
    await office.claims.claim("a")
    office.store.open.clear()
    other = office.asking("b")
    await until(lambda: len(office.store.pages) == 2)
    kept = asyncio.create_task(office.claims.keep(answer("a")))
    await until(lambda: bool(office.claims._news.answers))
    office.claims.settle("a")
    office.store.open.set()
    await asyncio.gather(kept, *other)
    assert all(not page.answers for page in office.store.pages)
    assert (await office.seen("a")).state == "settled"


async def test_page_that_a_store_took_before_it_went_away_is_not_asked_for_twice(
    office: Office,
) -> None:
    names = [f"r-{number}" for number in range(MOST_IN_A_PAGE + 1)]
    office.store.open.clear()
    asked = office.asking(*names)
    await until(lambda: len(office.store.pages) == 1)
    office.store.open.set()
    await until(lambda: len(office.store.pages) == 2)
    assert [claim.state for claim in await asyncio.gather(*asked)] == ["granted"] * len(names)
    assert office.told == names


async def test_cancelled_wait_for_a_claim_leaves_the_others_in_line(office: Office) -> None:
    office.store.open.clear()
    gone, stays = office.asking("a", "b")
    await until(lambda: len(office.store.pages) == 1)
    gone.cancel()
    await asyncio.wait([gone])
    office.store.open.set()
    assert await stays == NEW
    await office.written()
    assert await office.seen("a") == NEW
    assert (await office.seen("b")).state == "owned"


async def test_claim_that_is_given_up_before_it_was_written_is_not_written(office: Office) -> None:
    office.store.open.clear()
    first = office.asking("first")
    await until(lambda: len(office.store.pages) == 1)
    (gone,) = office.asking("a")
    await until(lambda: "2 held" in repr(office.claims))
    gone.cancel()
    await asyncio.wait([gone])
    office.store.open.set()
    await asyncio.gather(*first)
    await office.written()
    assert all("a" not in page.claims for page in office.store.pages)


async def test_stop_writes_what_is_left(office: Office) -> None:
    await office.claims.claim("a")
    await office.claims.claim("b")
    office.claims.settle("a")
    office.claims.release("b")
    await office.claims.stop()
    assert await office.seen("a") == SETTLED
    assert await office.seen("b") == NEW


async def test_stop_waits_for_the_page_that_is_being_written(office: Office) -> None:
    await office.claims.claim("a")
    office.store.open.clear()
    kept = asyncio.create_task(office.claims.keep(answer("a")))
    await until(lambda: len(office.store.pages) == 2)
    kept.cancel()
    stopping = asyncio.create_task(office.claims.stop())
    await asyncio.sleep(0)
    office.store.open.set()
    await stopping
    assert (await office.worker("heir").claim("a")).answers == (answer("a"),)


async def test_stop_waits_a_moment_only(office: Office) -> None:
    await office.claims.claim("a")
    office.store.open.clear()
    office.claims.settle("a")
    began = asyncio.get_running_loop().time()
    await office.claims.stop()
    assert asyncio.get_running_loop().time() - began < STOP_S + 0.1
    office.store.open.set()
    pages = len(office.store.pages)
    office.claims.settle("b")
    await asyncio.sleep(10)  # of the hasty loop
    assert len(office.store.pages) == pages


async def test_stop_without_any_news_is_at_once(office: Office) -> None:
    await office.claims.stop()
    assert office.store.pages == []
