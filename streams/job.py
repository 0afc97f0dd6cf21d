"""A record being worked on in this worker."""

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from schemas.claim import Answer, Claim
from schemas.outcome import HeldReason, Progress
from schemas.request import Reply
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from streams.claims import Claims
from streams.deltas import Deltas
from streams.record import Partition, Record


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """What is known of the work on one record; the pipeline's listener.

    `identity` names the record in the journal. `sent`: a call is in the air; `paid`: an answer was
    bought. `held` says why it waits, None while it does not. `in_turn`: it stands in the line of
    its conversation. `ending`: all that is left is to publish its end. `trial`: the flood breaker
    was open when it was begun. `stage_since`: since when it is in a stage that has a bound, on the
    `clock`.
    """

    record: Record
    workload: WorkloadClass
    identity: str
    read_at: float
    epoch: int
    claims: Claims
    clock: Callable[[], float]
    version: str = ""
    held: HeldReason | None = None
    sent: bool = False
    paid: bool = False
    in_turn: bool = False
    ending: bool = False
    trial: bool = False
    refused: bool = False
    stage_since: float | None = None
    deltas: Deltas | None = None
    claim: Claim = field(default=Claim(state="granted"))

    @property
    def partition(self) -> Partition:
        """Where it was read."""
        return self.record.topic, self.record.partition

    def reserving(self) -> None:
        """Take note that a call stands in line now."""
        self.stage_since = None

    def sending(self) -> None:
        """Take note that a call leaves now."""
        self.sent, self.stage_since = True, self.clock()

    def text(self, attempt: int, piece: str) -> None:
        """Pass on a piece of a streamed answer."""
        if self.deltas:
            self.deltas.add(attempt, piece)

    def refuse(self) -> None:
        """Take note that the broker finds this record's letter too large."""
        self.refused = True

    @property
    def outdated(self) -> int:
        """How many answers were bought for another version of the task: they are of no use."""
        return sum(answer.version != self.version for answer in self.claim.answers)

    async def bought(self, turn: int, reply: Reply) -> None:
        """Keep an answer in the journal."""
        self.paid = True
        try:
            kept = orjson.dumps(reply, default=Usage.model_dump).decode()
        except TypeError:
            return  # half a character, which no UTF-8 can tell: judged now, or bought again
        await self.claims.keep(
            Answer(identity=self.identity, version=self.version, turn=turn, reply=kept)
        )

    def restored(self) -> Progress:
        """Return what the journal has of this record: answers to the prompts of today's task."""
        kept = sorted(
            (answer for answer in self.claim.answers if answer.version == self.version),
            key=lambda answer: answer.turn,
        )
        found = (_reply(answer.reply) for answer in kept)
        replies = tuple(reply for reply in found if reply)
        return Progress(
            replies=replies,
            calls=len(replies),
            claude_s=sum(reply.duration_s for reply in replies),
            deliveries=self.claim.deliveries,
        )


def _reply(kept: str) -> Reply | None:
    """Return an answer; None when another build wrote it in a way that this one cannot read."""
    try:
        row = orjson.loads(kept)
        return Reply(**row | {"usage": Usage(**row["usage"])})
    except (TypeError, KeyError, ValueError):
        return None
