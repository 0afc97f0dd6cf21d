"""This worker's claims on records and the answers bought for them, written to the store in groups.

Claims are answered in the order in which they were asked for: whoever waits goes on in that order.
While the store is away, work goes on without it: what there is to write waits in memory.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Protocol, TypeVar

from agents.budget.timer import Timer
from schemas.claim import Answer, Claim, LetterMark, Page
from schemas.lease import StoreAway

log = logging.getLogger(__name__)

# Least time between two pages: a page costs the same for one record and for twenty.
GAP_S = 0.01
# What nobody waits for is written after so long at the latest.
LAZY_S = 0.1
# How often a store that is away is tried.
AWAY_S = 1.0
# Ends kept for a store that is away; beyond it the oldest go, which costs a repeat at most.
MOST_KEPT = 100_000
# So much of a kind goes into one page: a store that was away for long takes it in pieces.
MOST_IN_A_PAGE = 200
STOP_S = 2.0
_UNASKED, _OWNED = Claim(state="granted"), Claim(state="owned")
T = TypeVar("T")


class Journal(Protocol):
    """What the claims need of the store."""

    async def write(self, page: Page) -> tuple[Claim, ...]:
        """Write a page in one step; raise StoreAway."""
        ...


@dataclass(slots=True)
class _News:
    """What the next pages tell. Dicts keep the order, and each thing once."""

    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    letters: dict[str, LetterMark] = field(default_factory=dict)
    settled: dict[str, None] = field(default_factory=dict)
    released: dict[str, None] = field(default_factory=dict)
    alone: dict[str, None] = field(default_factory=dict)
    claims: dict[str, asyncio.Future[Claim]] = field(default_factory=dict)

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self.claims or self.answers or self.alone or self.released)

    def __bool__(self) -> bool:
        return self.is_urgent or bool(self.settled or self.letters)


class Claims:
    """The claims of one worker."""

    def __init__(self, worker: str, journal: Journal) -> None:
        self._worker, self._journal = worker, journal
        self._news = _News()
        self._mine: dict[str, None] = {}
        self._written = asyncio.Event()
        self._pages_begun = self._pages_done = 0
        self._timer = Timer(self._begin)
        self._written_at = 0.0
        self._writing: asyncio.Task[None] | None = None
        self._away = self._stopped = False

    def __repr__(self) -> str:
        return f"Claims({self._worker}, {len(self._mine)} held{', alone' if self._away else ''})"

    @property
    def is_away(self) -> bool:
        """Whether the store takes no pages at present."""
        return self._away

    async def claim(self, identity: str) -> Claim:
        """Return how a record stands; granted: it is this worker's until settled or released.

        A replay that was sent twice is here twice: the second copy is owned by the first.
        """
        if identity in self._mine:
            return _OWNED
        self._mine[identity] = None
        try:
            claim = await self._asked(identity)
        except asyncio.CancelledError:
            self.release(identity)  # it may be granted in the next moment, to nobody
            raise
        if claim.state != "granted":
            self._mine.pop(identity, None)
        return claim

    async def keep(self, answer: Answer) -> None:
        """Write down a bought answer; returns when the store has it, or is away."""
        known = self._news.answers.get(answer.identity, ())
        self._news.answers[answer.identity] = (*known, answer)
        await self._through()

    async def alone(self, identity: str) -> None:
        """Write down that a record runs with nothing else in flight."""
        self._news.alone[identity] = None
        await self._through()

    def together(self, identity: str) -> None:
        """Take that back: it waits now, and others run."""
        self._news.alone.pop(identity, None)
        self._news.released[identity] = None
        _claim(self._news, (identity,))
        self._look()

    def settle(self, identity: str, letter: LetterMark | None = None) -> None:
        """Write down soon that a record has its end; `letter` tells what became of its letter."""
        self._mine.pop(identity, None)
        self._news.settled[identity] = None
        self._news.answers.pop(identity, None)
        self._forget(identity)
        if letter:
            self._news.letters[letter.source] = letter
        self._look()

    def release(self, identity: str) -> None:
        """Give a record back that is not finished, through no fault of its own."""
        self._mine.pop(identity, None)
        self._forget(identity)
        self._news.released[identity] = None
        self._look()

    async def stop(self) -> None:
        """Write what is left, in a moment or never; after that nothing is written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                while (self._news or self._writing) and not self._away:
                    self._look()
                    await self._written.wait()
        self._stopped = True
        self._timer.stop()
        if self._writing:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    async def _asked(self, identity: str) -> Claim:
        if self._away:
            self._look()
            for _ in range(2):  # those before it, whose wait has just ended, go on first
                await asyncio.sleep(0)
            return _UNASKED
        loop = asyncio.get_running_loop()
        future = self._news.claims.setdefault(identity, loop.create_future())
        self._look()
        return await asyncio.shield(future)

    def _forget(self, identity: str) -> None:
        """Do not say what no longer holds."""
        self._news.released.pop(identity, None)
        self._news.alone.pop(identity, None)
        if asked := self._news.claims.pop(identity, None):
            asked.cancel()

    async def _through(self) -> None:
        """Wait until all that is news now is written, or the store is away."""
        mine = self._pages_begun + 1
        self._look()
        while self._pages_done < mine and not self._away:
            await self._written.wait()

    def _look(self) -> None:
        """Set the timer of the next page; one page at a time."""
        if self._writing or self._stopped or not (self._news or self._away):
            return  # a page looks again when it is done
        wait_s = AWAY_S if self._away else GAP_S if self._news.is_urgent else LAZY_S
        self._timer.set(self._written_at + wait_s)

    def _begin(self) -> None:
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        news, self._news = self._news, _News()
        # Given back and taken again: both in one page, so that nobody takes it in between.
        _claim(news, [i for i in news.released if i in self._mine])
        # A store that forgot the claim would not know whose record runs alone.
        _claim(news, news.alone)
        self._pages_begun += 1
        try:
            for page in self._pages(news):
                claims = await self._journal.write(page)
                for identity, claim in zip(page.claims, claims, strict=True):
                    _answer(news.claims.pop(identity, None), claim)
            self._found()
        except StoreAway as problem:
            self._lost(problem)
            self._keep(news)
        except Exception as problem:
            log.exception("a page was not written", extra={"event": "page_failed"})
            self._lost(problem)
            self._keep(news)
        finally:
            self._ended(news)
        self._look()

    def _ended(self, news: _News) -> None:
        """Let go on who waited for a page, in the order in which they came."""
        self._pages_done += 1
        self._written_at = asyncio.get_running_loop().time()
        self._writing = None
        # Nobody waits for a store that is away, nor who asked while it was tried.
        since = self._news.claims if self._away else {}
        for future in (*news.claims.values(), *since.values()):
            _answer(future, _UNASKED)
        since.clear()
        self._written.set()
        self._written = asyncio.Event()

    def _pages(self, news: _News) -> Iterable[Page]:
        """Yield the news in pages, claims behind all releases; what is not written stays news."""
        left = True  # an empty page asks a store that was away whether it is back
        while left:
            page = Page(
                worker=self._worker,
                answers=tuple(chain.from_iterable(_some(news.answers.values()))),
                letters=_some(news.letters.values()),
                settled=_some(news.settled),
                released=_some(news.released),
                alone=_some(news.alone),
                claims=_some(news.claims) if len(news.released) <= MOST_IN_A_PAGE else (),
            )
            yield page
            for answer in page.answers:
                news.answers.pop(answer.identity, None)
            for letter in page.letters:
                del news.letters[letter.source]
            for kind, written in (
                (news.settled, page.settled),
                (news.released, page.released),
                (news.alone, page.alone),
            ):
                for identity in written:
                    del kind[identity]
            left = bool(news)

    def _keep(self, news: _News) -> None:
        """Put back what was not written, behind nothing that came since."""
        since = self._news
        gone = since.settled.keys() | since.released.keys()
        answers = {
            identity: (*old, *since.answers.get(identity, ()))
            for identity, old in news.answers.items()
            if identity not in since.settled
        }
        settled = news.settled | since.settled
        self._news = replace(
            since,
            answers=since.answers | answers,
            letters=news.letters | since.letters,
            settled=dict.fromkeys(islice(settled, max(0, len(settled) - MOST_KEPT), None)),
            released=news.released | since.released,
            alone={i: None for i in news.alone if i not in gone} | since.alone,
        )

    def _lost(self, problem: Exception) -> None:
        if not self._away:
            log.error(
                "%s; what is bought is kept in memory meanwhile",
                problem,
                extra={"event": "journal_away"},
            )
        self._away = True

    def _found(self) -> None:
        """Claim again what is worked on: a store that was away may have forgotten."""
        if self._away:
            self._away = False
            _claim(self._news, self._mine)


def _claim(news: _News, identities: Iterable[str]) -> None:
    """Claim what is worked on already: nobody waits for the answer."""
    loop = asyncio.get_running_loop()
    for identity in identities:
        news.claims.setdefault(identity, loop.create_future())


def _some(news: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(news, MOST_IN_A_PAGE))


def _answer(future: "asyncio.Future[Claim] | None", claim: Claim) -> None:
    if future and not future.done():
        future.set_result(claim)
