import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.claim import Answer, Claim, LetterMark
from schemas.workload import WorkloadClass
from streams.claims import MOST_IN_A_PAGE, STOP_S, Claims
from tests.fakes import ManualClock, until
from tests.hasty_loop import HASTY
from tests.shaky_store import ShakyStore

NEW = Claim(state="granted")
SETTLED = Claim(state="settled")


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


class Office:
    """A worker's claims, and the store they are kept in."""

    def __init__(self) -> None:
        self.store = ShakyStore(ManualClock())
        self._workers: list[Claims] = []
        self.claims = self.worker("me")
        self.told: list[str] = []

    def worker(self, name: str) -> Claims:
        self._workers.append(Claims(name, self.store))
        return self._workers[-1]

    async def close(self) -> None:
        for claims in self._workers:
            await claims.stop()

    async def ask(self, identity: str) -> Claim:
        claim = await self.claims.claim(identity)
        self.told.append(identity)
        return claim

    def asking(self, *identities: str) -> list[asyncio.Task[Claim]]:
        return [asyncio.create_task(self.ask(identity)) for identity in identities]

    async def seen(self, identity: str) -> Claim:
        """What another worker is told, while the heart of this one beats."""
        await self.store.live("me")
        return await self.store.ask(identity)

    async def written(self) -> None:
        """Wait until the store knows everything: this claim is behind all the others."""
        await self.claims.claim("marker")


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    yield made
    await made.close()


def answer(identity: str, turn: int = 0) -> Answer:
    return Answer(identity=identity, version="v1", turn=turn, reply=f'"{turn}"')


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


async def test_store_that_goes_away_lets_everybody_go_on_in_order(office: Office) -> None:
    office.store.open.clear()
    first = office.asking("a", "b")
    await until(lambda: len(office.store.pages) == 1)
    later = office.asking("c", "d")
    await until(lambda: "4 held" in repr(office.claims))
    office.store.leave_us()
    office.store.open.set()
    await until(lambda: "alone" in repr(office.claims))
    newest = office.asking("e", "f")
    claims = await asyncio.gather(*first, *later, *newest)
    assert claims == [NEW] * 6
    assert office.told == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize("turns", range(6))
async def test_newcomer_does_not_overtake_those_who_are_just_let_go(
    office: Office, turns: int
) -> None:
    office.store.leave_us()
    waiting = office.asking("a", "b")
    for _ in range(turns):
        await asyncio.sleep(0)
    newcomer = office.asking("c")
    await asyncio.gather(*waiting, *newcomer)
    assert office.told == ["a", "b", "c"]


async def test_nobody_waits_for_a_store_that_is_away(
    office: Office,
    caplog: pytest.LogCaptureFixture,
) -> None:
    office.store.leave_us()
    assert await office.claims.claim("a") == NEW
    pages = len(office.store.pages)
    await office.claims.keep(answer("a"))
    await office.claims.alone("a")
    assert await office.claims.claim("b") == NEW
    assert len(office.store.pages) == pages
    lines = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert [line.event for line in lines] == ["journal_away"]  # type: ignore[attr-defined]


async def test_what_was_bought_and_settled_meanwhile_is_written_when_the_store_is_back(
    office: Office,
) -> None:
    office.store.leave_us()
    for name in ("bought", "ended", "held", "given back"):
        await office.claims.claim(name)
    await office.claims.keep(answer("bought"))
    await office.claims.keep(answer("ended"))
    office.claims.settle("ended")
    office.claims.release("given back")
    office.store.come_back()
    await until(lambda: "alone" not in repr(office.claims))
    await office.written()
    assert (await office.seen("bought")).state == "owned"
    assert (await office.seen("held")).state == "owned"
    assert await office.seen("ended") == SETTLED
    assert await office.seen("given back") == NEW
    heir = await office.worker("me").claim("bought")
    assert heir.answers == (answer("bought"),)


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


async def test_flushed_store_is_told_again_what_is_held(office: Office) -> None:
    await office.claims.claim("a")
    office.store.leave_us()
    await office.claims.keep(answer("a"))
    office.store.forget()
    office.store.come_back()
    await until(lambda: "alone" not in repr(office.claims))
    await office.written()
    assert (await office.seen("a")).state == "owned"


async def test_record_that_waits_in_company_again_is_known_to_when_the_store_was_away(
    office: Office,
) -> None:
    await office.claims.claim("a")
    await office.claims.alone("a")
    office.store.leave_us()
    office.claims.together("a")
    await until(lambda: "alone" in repr(office.claims))
    office.store.come_back()
    await until(lambda: "alone" not in repr(office.claims))
    await office.written()
    assert (await office.worker("heir").claim("a")).deaths_alone == 0


async def test_given_back_and_taken_again_while_the_store_is_away_is_one_page(
    office: Office,
) -> None:
    await office.claims.claim("a")
    office.store.leave_us()
    office.claims.release("a")
    await until(lambda: "alone" in repr(office.claims))
    assert await office.claims.claim("a") == NEW
    office.store.come_back()
    await until(lambda: "alone" not in repr(office.claims))
    page = office.store.pages[-1]
    assert (page.released, page.claims) == (("a",), ("a",))
    assert (await office.seen("a")).state == "owned"


async def test_bug_in_a_store_is_a_store_that_is_away(
    office: Office,
    caplog: pytest.LogCaptureFixture,
) -> None:
    office.store.leave_us(ZeroDivisionError("a bug"))
    assert await office.claims.claim("a") == NEW
    await office.claims.keep(answer("a"))
    assert len(office.store.pages) == 1
    events = [getattr(line, "event", "") for line in caplog.records]
    assert events == ["page_failed", "journal_away"]
    office.store.come_back()
    await until(lambda: "alone" not in repr(office.claims))
    await office.written()
    assert (await office.seen("a")).state == "owned"


async def test_cancelled_wait_for_a_claim_leaves_the_others_in_line(office: Office) -> None:
    office.store.open.clear()
    gone, stays = office.asking("a", "b")
    await until(lambda: len(office.store.pages) == 1)
    gone.cancel()
    await asyncio.wait([gone])
    office.claims.release("a")
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
    office.claims.release("a")
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


async def test_stop_does_not_wait_for_a_store_that_is_away(office: Office) -> None:
    office.store.leave_us()
    await office.claims.claim("a")
    office.claims.settle("a")
    began = asyncio.get_running_loop().time()
    await office.claims.stop()
    assert asyncio.get_running_loop().time() - began < 0.1


async def test_stop_without_any_news_is_at_once(office: Office) -> None:
    await office.claims.stop()
    assert office.store.pages == []
