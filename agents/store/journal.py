"""The journal: who works on which record, what was bought for it, what is settled. Pure.

`journal.lua` is the same inside Redis, function by function; one behaviour suite runs on both.
Time is an argument, seconds since any moment.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.claim import Answer, Claim, Page

RETENTION_S = 604_800.0
MARKS_PRUNED, CLAIMS_PRUNED = 8, 2
"""For each record settled or claimed, so many are looked at whose time may be over. Looking where
chance leads, one in eight of the marks kept is of no use any more; claims are seldom left behind,
and no more than twice those that count are kept even if all are."""

Lives = Callable[[str], bool]
"""Whether a worker's heartbeat lives."""
Turns = dict[tuple[str, int], str]
"""Answers to one record, by version and turn."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """A record that is not settled; `owner` is "" when nobody works on it.

    It is kept until `until`, a whole second, if nothing else is heard of it.
    """

    until: int = 0
    owner: str = ""
    deliveries: int = 0
    deaths_alone: int = 0
    alone: bool = False


@dataclass(slots=True, kw_only=True)
class Journal:
    """All records that are known, or those that one page names. A record is open or settled.

    `settled` holds until when each mark is kept. Both lists are in the order of their ends.
    `changed` are the entries that the last page made or changed, if they are still there.
    """

    retention_s: float = RETENTION_S
    entries: OrderedDict[str, Entry] = field(default_factory=OrderedDict)
    answers: dict[str, Turns] = field(default_factory=dict)
    settled: OrderedDict[str, int] = field(default_factory=OrderedDict)
    changed: set[str] = field(default_factory=set)

    def write(self, page: Page, now: float, lives: Lives) -> tuple[Claim, ...]:
        """Take in a page; letters are another's affair.

        Who runs alone is marked after the claims: a page that brings both must change nothing when
        it is written again.
        """
        self.changed.clear()
        for answer in page.answers:
            self._keep(answer, now)
        for identity in page.settled:
            self._settle(identity, now)
        for identity in page.released:
            self._release(identity, page.worker, now)
        claims = tuple(self._claim(identity, page.worker, now, lives) for identity in page.claims)
        for identity in page.alone:
            self._mark_alone(identity, page.worker, now)
        return claims

    def prune(self, page: Page, now: float, most_settled: int) -> None:
        """Drop a few of those whose time is over, or that are too many."""
        for _ in range(MARKS_PRUNED * len(page.settled)):
            identity, until = next(iter(self.settled.items()), ("", math.inf))
            if until > now and len(self.settled) <= most_settled:
                break
            del self.settled[identity]
        for _ in range(CLAIMS_PRUNED * len(page.claims)):
            identity, entry = next(iter(self.entries.items()), ("", None))
            if entry is None or entry.until > now:
                break
            self._drop(identity)

    def _keep(self, answer: Answer, now: float) -> None:
        if not self._is_settled(answer.identity, now):
            self._put(answer.identity, self._entry(answer.identity, now), now)
            turns = self.answers.setdefault(answer.identity, {})
            turns[answer.version, answer.turn] = answer.reply

    def _settle(self, identity: str, now: float) -> None:
        self._drop(identity)
        if not self._is_settled(identity, now):
            self.settled[identity] = self._until(now)

    def _release(self, identity: str, worker: str, now: float) -> None:
        entry = self._entry(identity, now)
        if entry.owner != worker:
            return
        entry.owner, entry.alone = "", False
        entry.deliveries -= 1
        if entry.deliveries or identity in self.answers:
            self._put(identity, entry, now)
        else:
            self._drop(identity)

    def _claim(self, identity: str, worker: str, now: float, lives: Lives) -> Claim:
        if self._is_settled(identity, now):
            return Claim(state="settled")
        entry = self._entry(identity, now)
        if entry.owner not in ("", worker) and lives(entry.owner):
            return Claim(state="owned")
        if entry.owner != worker:
            entry.deliveries += 1
            entry.deaths_alone += entry.alone
            entry.owner, entry.alone = worker, False
            self._put(identity, entry, now)
        return Claim(
            state="granted",
            deliveries=entry.deliveries,
            deaths_alone=entry.deaths_alone,
            answers=in_order(identity, self.answers.get(identity, {})),
        )

    def _mark_alone(self, identity: str, worker: str, now: float) -> None:
        entry = self._entry(identity, now)
        if entry.owner == worker:
            entry.alone = True
            self._put(identity, entry, now)

    def _entry(self, identity: str, now: float) -> Entry:
        """Return what is known of a record, or an entry that is kept only when it is put."""
        entry = self.entries.get(identity)
        if entry is not None and entry.until > now:
            return entry
        self._drop(identity)
        return Entry()

    def _is_settled(self, identity: str, now: float) -> bool:
        if (until := self.settled.get(identity)) is None:
            return False
        if until <= now:
            del self.settled[identity]
        return until > now

    def _put(self, identity: str, entry: Entry, now: float) -> None:
        entry.until = self._until(now)
        self.entries[identity] = entry
        self.entries.move_to_end(identity)
        self.changed.add(identity)

    def _drop(self, identity: str) -> None:
        self.entries.pop(identity, None)
        self.answers.pop(identity, None)
        self.changed.discard(identity)

    def _until(self, now: float) -> int:
        return math.ceil(now + self.retention_s)


def in_order(identity: str, turns: Turns) -> tuple[Answer, ...]:
    """Return the answers to a record by version and turn."""
    return tuple(
        Answer(identity=identity, version=version, turn=turn, reply=turns[version, turn])
        for version, turn in sorted(turns)
    )
