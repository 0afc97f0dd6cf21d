"""The journal in an SQLite file: a page's own records are read, changed by `Journal`, kept.

Used inside a transaction of another. What costs is the pages of the file that a step changes:
open records and their answers are few and lie close together; marks of settled records are many,
each on a page of its own, so it is there, where a page is changed anyway, that old ones are looked
for. Identities are digests: sooner or later every neighbourhood is visited.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable

import orjson

from agents.store.journal import CLAIMS_PRUNED, MARKS_PRUNED, Entry, Journal, Lives, Turns
from schemas.claim import Claim, Page

# Answers are larger than what pays off without a rowid.
TABLES = """
CREATE TABLE IF NOT EXISTS claims (
    app TEXT, identity TEXT, until INTEGER, owner TEXT, deliveries INTEGER, deaths_alone INTEGER,
    alone INTEGER, PRIMARY KEY (app, identity)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (
    app TEXT, identity TEXT, until INTEGER, PRIMARY KEY (app, identity)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    app TEXT, identity TEXT, version TEXT, turn INTEGER, reply TEXT,
    PRIMARY KEY (app, identity, version, turn)
);
"""
NAMED = "app = ? AND identity IN (SELECT value FROM json_each(?))"
CLAIMS = f"SELECT * FROM claims WHERE {NAMED}"  # noqa: S608 - no value is put into the text
ANSWERS = f"SELECT * FROM answers WHERE {NAMED}"  # noqa: S608 - as above
SETTLED = f"SELECT identity, until FROM settled WHERE {NAMED}"  # noqa: S608 - as above
NEIGHBOURS = """
SELECT identity FROM (
    SELECT identity, until FROM {} WHERE app = ? AND identity >= ? ORDER BY identity LIMIT ?
) WHERE until <= ?
"""
OLD_CLAIMS, OLD_SETTLED = NEIGHBOURS.format("claims"), NEIGHBOURS.format("settled")


class JournalTables:
    """The journal of one application."""

    def __init__(self, sql: sqlite3.Connection, app: str, retention_s: float) -> None:
        self._sql = sql
        self._app = app
        self._retention_s = retention_s

    def write(self, page: Page, now: float, lives: Lives) -> tuple[Claim, ...]:
        """Take in a page; `now` is seconds since the epoch."""
        self._prune(page, now)
        journal = self._read(page, now)
        read = list(journal.entries)
        claims = journal.write(page, now, lives)
        self._forget({*read, *page.settled} - journal.entries.keys())
        self._keep(page, journal)
        self._settle(page, journal, now)
        return claims

    def _prune(self, page: Page, now: float) -> None:
        if page.settled:
            near = (self._app, page.settled[0], MARKS_PRUNED * len(page.settled), now)
            if old := self._sql.execute(OLD_SETTLED, near).fetchall():
                self._delete("settled", (identity for (identity,) in old))
        if page.claims:
            near = (self._app, page.claims[0], CLAIMS_PRUNED * len(page.claims), now)
            self._forget({identity for (identity,) in self._sql.execute(OLD_CLAIMS, near)})

    def _read(self, page: Page, now: float) -> Journal:
        """Return what is known of the records that a page names."""
        named = {*page.released, *page.alone, *page.claims, *(a.identity for a in page.answers)}
        entries = self._entries(named, now)
        kept = self._answers(entries.keys() & {*page.claims, *page.released})
        return Journal(
            retention_s=self._retention_s,
            entries=entries,
            answers=kept,
            settled=self._marks(named - entries.keys(), now),
        )

    def _marks(self, identities: set[str], now: float) -> OrderedDict[str, int]:
        """Return the marks that count; those whose time is over go, also if the clock goes back."""
        marks = OrderedDict(self._sql.execute(SETTLED, self._row(identities)).fetchall())
        over = [identity for identity, until in marks.items() if until <= now]
        for identity in over:
            del marks[identity]
        self._delete("settled", over)
        return marks

    def _entries(self, identities: set[str], now: float) -> OrderedDict[str, Entry]:
        entries, over = OrderedDict(), set()
        for _, identity, until, owner, deliveries, deaths_alone, alone in self._sql.execute(
            CLAIMS, self._row(identities)
        ):
            if until <= now:
                over.add(identity)
            else:
                entries[identity] = Entry(
                    until=until,
                    owner=owner,
                    deliveries=deliveries,
                    deaths_alone=deaths_alone,
                    alone=bool(alone),
                )
        self._forget(over)
        return entries

    def _answers(self, identities: set[str]) -> dict[str, Turns]:
        answers: dict[str, Turns] = {}
        if identities:
            rows = self._sql.execute(ANSWERS, self._row(identities))
            for _, identity, version, turn, reply in rows:
                answers.setdefault(identity, {})[version, turn] = reply
        return answers

    def _keep(self, page: Page, journal: Journal) -> None:
        changed = ((i, journal.entries[i]) for i in journal.changed)
        entries = [
            (self._app, i, e.until, e.owner, e.deliveries, e.deaths_alone, e.alone)
            for i, e in changed
        ]
        self._sql.executemany("REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", entries)
        answers = [
            (self._app, a.identity, a.version, a.turn, a.reply)
            for a in page.answers
            if a.identity in journal.entries
        ]
        self._sql.executemany("REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", answers)

    def _settle(self, page: Page, journal: Journal, now: float) -> None:
        self._sql.executemany(
            "INSERT INTO settled VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET until = excluded.until WHERE until <= ?",
            [(self._app, identity, journal.settled[identity], now) for identity in page.settled],
        )

    def _forget(self, identities: set[str]) -> None:
        if identities:
            self._delete("claims", identities)
            self._delete("answers", identities)

    def _delete(self, table: str, identities: Iterable[str]) -> None:
        text = f"DELETE FROM {table} WHERE app = ? AND identity = ?"  # noqa: S608 - a table of ours
        self._sql.executemany(text, [(self._app, identity) for identity in identities])

    def _row(self, identities: Iterable[str]) -> tuple[str, str]:
        return self._app, orjson.dumps(list(identities)).decode()
