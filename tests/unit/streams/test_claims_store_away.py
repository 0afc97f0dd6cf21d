import asyncio
import logging
from typing import Any

import pytest

from tests.claims_office import NEW, SETTLED, Office, answer
from tests.fakes import until
from tests.hasty_loop import HASTY


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


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


async def test_stop_does_not_wait_for_a_store_that_is_away(office: Office) -> None:
    office.store.leave_us()
    await office.claims.claim("a")
    office.claims.settle("a")
    began = asyncio.get_running_loop().time()
    await office.claims.stop()
    assert asyncio.get_running_loop().time() - began < 0.1
