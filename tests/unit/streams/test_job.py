from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest

from schemas.claim import Answer, Claim
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from streams.claims import Claims
from streams.deltas import Deltas
from streams.job import Job
from tests.builders import reply
from tests.fakes import ManualClock
from tests.hasty_loop import HASTY
from tests.shaky_store import ShakyStore
from tests.stream_builders import INPUT, record

FULL = reply(
    "{\N{EURO SIGN}}",
    usage=Usage(
        input_tokens=1,
        output_tokens=2,
        cache_read_input_tokens=3,
        cache_creation_input_tokens=4,
    ),
    request_id=None,
    stop_reason="max_tokens",
    duration_s=1.25,
)
SECOND = replace(FULL, text="{}", duration_s=0.5)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return HASTY


class Desk:
    """A claimed record, and the store behind it."""

    def __init__(self, version: str = "v1") -> None:
        self.store = ShakyStore(ManualClock())
        self.claims = Claims("me", self.store)
        self.job = self.again(version)

    def again(self, version: str, claim: Claim | None = None) -> Job:
        return Job(
            record=record(),
            workload=WorkloadClass.REALTIME,
            identity="a",
            read_at=0.0,
            epoch=0,
            clock=lambda: 0.0,
            claims=self.claims,
            version=version,
            claim=claim or Claim(state="granted"),
        )

    async def redelivered(self, version: str = "v1") -> Job:
        """The record as its next owner has it."""
        heir = Claims("heir", self.store)
        job = self.again(version, await heir.claim("a"))
        await heir.stop()
        return job


async def test_what_is_bought_is_kept_before_anything_else() -> None:
    desk = Desk()
    await desk.job.bought(0, FULL)
    assert desk.job.paid
    (page,) = desk.store.pages
    assert [(answer.identity, answer.version, answer.turn) for answer in page.answers] == [
        ("a", "v1", 0)
    ]
    assert orjson.loads(page.answers[0].reply) == asdict(FULL) | {"usage": FULL.usage.model_dump()}


async def test_next_owner_has_what_was_bought() -> None:
    desk = Desk()
    await desk.job.bought(0, FULL)
    await desk.job.bought(1, SECOND)
    progress = (await desk.redelivered()).restored()
    assert progress.replies == (FULL, SECOND)
    assert (progress.judged, progress.calls, progress.claude_s) == (0, 2, 1.75)


async def test_answer_to_another_prompt_is_of_no_use() -> None:
    desk = Desk("v1")
    await desk.job.bought(0, FULL)
    assert (await desk.redelivered("v2")).restored().replies == ()


async def test_answers_of_both_versions_are_told_apart() -> None:
    desk = Desk("v1")
    await desk.job.bought(0, FULL)
    await desk.again("v2").bought(0, SECOND)
    assert (await desk.redelivered("v1")).restored().replies == (FULL,)
    assert (await desk.redelivered("v2")).restored().replies == (SECOND,)


def test_deliveries_are_those_of_the_claim() -> None:
    job = Desk().again("v1", Claim(state="granted", deliveries=3))
    assert job.restored().deliveries == 3


def test_new_record_has_nothing() -> None:
    progress = Desk().job.restored()
    assert (progress.replies, progress.calls, progress.deliveries) == ((), 0, 1)


@pytest.mark.parametrize(
    "written",
    ["", "{", "null", "7", '{"usage":{}}', '{"text":"x","usage":{"input_tokens":-1}}', '{"new":1}'],
)
def test_answer_that_this_build_cannot_read_is_none(written: str) -> None:
    answer = Answer(identity="a", version="v1", turn=0, reply=written)
    job = Desk().again("v1", Claim(state="granted", answers=(answer,)))
    assert job.restored().replies == ()


async def test_text_that_no_utf_8_can_tell_is_paid_and_not_kept() -> None:
    desk = Desk()
    await desk.job.bought(0, reply("half a character: \ud83d"))
    assert desk.job.paid
    assert desk.store.pages == []


def test_call_in_the_air_is_noted() -> None:
    job = Desk().job
    assert (job.partition, job.sent) == ((INPUT, 3), False)
    job.sending()
    job.text(1, "nobody follows")
    assert job.sent


async def test_streamed_pieces_are_gathered() -> None:
    job, posted = Desk().job, list[str]()
    job.deltas = Deltas("evt-1", "assist", lambda delta: posted.append(delta.text))
    job.text(1, "one ")
    job.text(1, "two")
    job.deltas.flush()
    assert posted == ["one two"]
