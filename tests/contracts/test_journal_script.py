"""journal.lua is journal.py: any sequence of pages gets the same answers from both."""

import asyncio
from uuid import uuid4

import redis
from hypothesis import Phase, given, settings

from agents.store import journal_script
from agents.store.memory import MemoryStore
from agents.store.redis import JOURNAL, RedisStore
from tests.contracts.page_sequences import RETENTION_S, Step, Told, answered, sequences
from tests.redis_server import RedisServer
from tests.store_builders import START, Clock, answer, page


async def both(url: str, sequence: list[Step]) -> tuple[list[Told], list[Told]]:
    clock, other = Clock(), Clock()
    store = RedisStore(url, uuid4().hex, clock=clock, retention_s=RETENTION_S)
    memory = MemoryStore(clock=other, wall_clock=other, retention_s=RETENTION_S)
    await store.start()
    try:
        return await answered(store, clock, sequence), await answered(memory, other, sequence)
    finally:
        await store.stop()


# To make a failing sequence smaller takes longer than a test may.
@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(sequence=sequences)
def test_redis_answers_what_memory_answers(redis_server: RedisServer, sequence: list[Step]) -> None:
    got, expected = asyncio.run(both(redis_server.url, sequence))
    assert got == expected


def test_a_page_may_be_larger_than_what_lua_can_unpack(redis_server: RedisServer) -> None:
    identities = [f"r{n}" for n in range(9000)]
    written = page(
        answers=[answer(identity) for identity in identities],
        settled=identities[::2],
        claims=identities,
    )
    prefix = f"headrace:{uuid4().hex}:"
    with redis.Redis.from_url(redis_server.url) as client:
        reply = client.register_script(JOURNAL)(
            [f"{prefix}seen", *journal_script.keys(prefix, written)],
            journal_script.arguments(written, RETENTION_S, START),
        )
    claims = journal_script.claims(written, reply)
    assert [claim.state for claim in claims] == ["settled", "granted"] * 4500
    assert claims[-1].answers == (answer("r8999"),)


async def test_what_is_kept_expires_by_itself(redis_server: RedisServer) -> None:
    app = uuid4().hex
    store = RedisStore(redis_server.url, app, retention_s=RETENTION_S)
    await store.start()
    await store.write(page(claims="open", settled="done", answers=[answer("bought")]))
    await store.stop()
    with redis.Redis.from_url(redis_server.url) as client:
        for identity in ("open", "done", "bought"):
            left_s = client.ttl(f"headrace:{{{app}}}:record:{identity}")
            assert 0 < left_s <= RETENTION_S
