"""What a worker tells the store about its records, and what it is told: claims and bought answers.

A record's `identity` is a digest of cluster, first source, bytes and replay count: the same bytes
at another offset are another record, a replay is another purchase.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.workload import WorkloadClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A bought answer as it is kept until its record is settled.

    `turn` counts the answers bought for a record, from 0. `reply` is JSON. `version` is the task's:
    an answer to another prompt is of no use.
    """

    identity: str
    version: str
    turn: int
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterMark:
    """A dead letter became open, or is open no longer. `source` is `topic:partition:offset`.

    A mark of an earlier replay than what is known says nothing new.
    """

    workload: WorkloadClass
    source: str
    replays: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """News of one worker and its claims, written in one atomic step: first what ended, then claims.

    Writing a page twice changes nothing. `settled` and `released` are identities of records that
    ended, and that this worker gives back unfinished through no fault of theirs. `alone` are those
    that run with nothing else in flight from now on: who dies with them has been killed by them.
    """

    worker: str
    answers: tuple[Answer, ...] = ()
    letters: tuple[LetterMark, ...] = ()
    settled: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer to one claim.

    granted: this worker works on the record; `deliveries` counts this one and all that ended with
    the death of a worker, `deaths_alone` those in which the record ran alone. settled: it has its
    end. owned: another worker has it, and its heartbeat lives.
    """

    state: Literal["granted", "settled", "owned"]
    deliveries: int = 1
    deaths_alone: int = 0
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A person closed a class's flood breaker; `number` counts them, `accept` buries the held."""

    number: int
    accept: bool
