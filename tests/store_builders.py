"""Asks, pages and reports with only the interesting part left to say."""
# ruff: noqa: ANN401 - a builder takes any field of what it builds

from dataclasses import dataclass
from typing import Any

from agents.store.pool import Pool
from schemas.claim import Answer, LetterMark, Page
from schemas.lease import Amounts, Ask, Rules, Want
from schemas.standing import WorkerReport
from schemas.workload import WorkloadClass

START = 1_800_000_000.25
# Ten requests, a thousand input and two hundred output tokens a second.
CEILINGS = [600.0, 60_000.0, 12_000.0]
RULES = Rules(ceilings=CEILINGS, reserves=[0.0] * 5)


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved. Seconds since the epoch."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def want(priority: int = 1, deadline: float = 0.0, need: Amounts | None = None) -> Want:
    return Want(priority=priority, deadline=START + deadline, need=need or [1.0, 10.0, 5.0])


def ask(*wants: Want, **changes: Any) -> Ask:
    fields: dict[str, Any] = {"budget": "haiku", "worker": "w1", "rules": RULES, "wants": wants}
    return Ask(**(fields | changes))


def page(worker: str = "w1", **changes: Any) -> Page:
    """Build a page; lists of identities may be given as words in one text."""
    lists = {k: tuple(v.split()) if isinstance(v, str) else tuple(v) for k, v in changes.items()}
    return Page(worker=worker, **lists)


def answer(identity: str = "a", turn: int = 0, version: str = "v1", reply: str = "{}") -> Answer:
    return Answer(identity=identity, version=version, turn=turn, reply=reply)


def letter(
    source: str = "docs:0:7",
    *,
    replays: int = 0,
    is_open: bool = True,
    workload: WorkloadClass = WorkloadClass.BATCH,
) -> LetterMark:
    return LetterMark(workload=workload, source=source, replays=replays, is_open=is_open)


def full(pool: Pool, burst_s: float) -> Pool:
    """Let the rest of the first burst come in: a pool starts with a part of it."""
    pool.exchange(ask(worker="filler"), START + burst_s)
    pool.members.clear()
    return pool


def report(worker: str = "w1") -> WorkerReport:
    return WorkerReport(worker=worker, classes=(WorkloadClass.BATCH,), budgets=())
