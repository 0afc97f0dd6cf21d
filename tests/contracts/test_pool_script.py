"""pool.lua is pool.py: any sequence of asks gets the same leases from both."""

from collections.abc import Iterator
from dataclasses import asdict
from uuid import uuid4

import orjson
import pytest
import redis
from hypothesis import Phase, given, settings

from agents.store.pool import Pool
from agents.store.redis import POOL
from schemas.lease import Ask, Lease, Told
from tests.ask_sequences import Step, sequences
from tests.redis_server import RedisServer
from tests.store_builders import CEILINGS, START, ask, want

CLOSE = 1e-6


def close(value: object) -> object:
    number = isinstance(value, float | list)
    return pytest.approx(value, rel=1e-9, abs=CLOSE) if number else value


class Script:
    """The pool inside Redis, at a time that the test gives."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._script = client.register_script(POOL)
        self._key = ""

    def forget(self) -> None:
        self._key = uuid4().hex

    def exchange(self, ask: Ask, *now: float) -> Lease:
        args = [orjson.dumps(ask), *[repr(time).encode() for time in now]]
        return Lease(**orjson.loads(self._script([self._key], args)))


@pytest.fixture(scope="session")
def script(redis_server: RedisServer) -> Iterator[Script]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield Script(client)


def compare(script: Script, sequence: list[Step]) -> None:
    script.forget()
    now, pool = START, None
    for step in sequence:
        now += step.after_s
        pool = pool or Pool.first(step.ask, now)
        expected = asdict(pool.exchange(step.ask, now))
        got = asdict(script.exchange(step.ask, now))
        for name, value in expected.items():
            assert got[name] == close(value), name


# To make a failing sequence smaller takes longer than a test may.
@settings(deadline=None, max_examples=100, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(sequence=sequences)
def test_script_and_pool_give_the_same_leases(script: Script, sequence: list[Step]) -> None:
    compare(script, sequence)


def test_script_and_pool_save_alike_and_alike_not_in_debt(script: Script) -> None:
    busy = Step(ask=ask(*[want(0, need=[1, 0, 0])] * 20, worker="w2"), after_s=0.5)
    waits = Step(ask=ask(want(3, need=[9, 0, 0])), after_s=0)
    in_debt = Step(ask=ask(want(3, need=[1, 0, 0]), returned=[-20, 0, 0]), after_s=0)
    elsewhere = Step(ask=ask(want(3, 1, need=[1, 0, 0]), worker="w3"), after_s=0)
    compare(script, [*[busy, waits] * 12, elsewhere, in_debt, elsewhere, *[waits] * 3])


def told(age_s: float, *remaining: float) -> Step:
    each = Told(age_s=age_s, mark=[15, 1500, 300], limits=CEILINGS, remaining=list(remaining))
    return Step(ask=ask(told=(each,)), after_s=0.4)


def test_script_and_pool_raise_alike(script: Script) -> None:
    spend = Step(ask=ask(want(need=[15, 1500, 300]), bursts_s=[4, 4, 4]), after_s=0)
    all_show = [told(0, 33, 3500, 700), told(0.1, 36, 3300, 760), told(0, 39, 3900, 790)]
    one_does_not = [told(0, 38, 3900, 800), told(0, 10, 1200, 500), told(0, 39, 3900, 800)]
    back = Step(ask=ask(returned=[3, 0, 0]), after_s=-50)
    compare(script, [spend, *all_show, *one_does_not, back, *all_show, *all_show])


def test_script_and_pool_lease_ahead_alike_when_a_waiter_falls_silent(script: Script) -> None:
    spend = Step(ask=ask(want(need=[7, 0, 0]), worker="w2"), after_s=0)
    waits = Step(ask=ask(want(need=[9, 0, 0])), after_s=0)
    ahead = Step(ask=ask(worker="w2", ahead=[1, 0, 0]), after_s=0.5)
    compare(script, [spend, waits, ahead, ahead, ahead])


def test_script_takes_the_time_from_redis_itself(script: Script) -> None:
    script.forget()
    seconds, _ = script.client.time()
    script.exchange(ask(want(need=[9, 0, 0])), seconds - 5.0)
    assert script.exchange(ask()).levels == [10, 1000, 200]


def test_a_pool_that_nobody_asks_expires(script: Script) -> None:
    script.forget()
    script.exchange(ask())
    assert 3600 <= script.client.ttl(script._key) <= 86_400
