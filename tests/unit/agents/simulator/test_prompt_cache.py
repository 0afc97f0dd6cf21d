import orjson

from agents.simulator.accounting.prompt_cache import CachePlan, PromptCache
from agents.simulator.requests.reading import read_call
from tests.unit.agents.simulator.client import Ask

LONG = "x" * 3_500
"""1,300 tokens with the newer tokenizer: above the least prefix that is cached."""


def block(text: str, ttl: str | None = None) -> dict[str, object]:
    plain: dict[str, object] = {"type": "text", "text": text}
    return plain if ttl is None else {**plain, "cache_control": {"type": "ephemeral", "ttl": ttl}}


class Visits:
    """Sends bodies through one cache; each reply begins at once unless told otherwise."""

    def __init__(self) -> None:
        self.cache = PromptCache()

    def visit(
        self, body: object, now: float = 0.0, *, key: str = "k", begins: bool = True
    ) -> CachePlan:
        call = read_call(orjson.dumps(body), version="2026-10-21", key=key)
        plan = self.cache.plan(call, now)
        assert plan.read + plan.charged == call.prompt.total_tokens
        if begins:
            self.cache.write(plan)
        return plan


def test_without_marks_everything_is_uncached(ask: Ask) -> None:
    visits = Visits()
    for _ in range(2):
        plan = visits.visit(ask(system=LONG))
        assert (plan.read, plan.write_5m, plan.write_1h) == (0, 0, 0)


def test_the_first_request_writes_and_the_next_ones_read(ask: Ask) -> None:
    visits, system = Visits(), [block(LONG, "5m")]
    first = visits.visit(ask("one", system=system))
    second = visits.visit(ask("two", system=system))
    assert (first.read, first.write_5m) == (0, 1_300)
    assert (second.read, second.write_5m) == (1_300, 0)
    assert second.charged == second.uncached == first.uncached


def test_an_entry_can_be_read_only_after_the_first_reply_began(ask: Ask) -> None:
    visits, body = Visits(), ask(system=[block(LONG, "5m")])
    parallel = [visits.visit(body, begins=False) for _ in range(3)]
    assert [plan.write_5m for plan in parallel] == [1_300] * 3
    visits.cache.write(parallel[0])
    assert visits.visit(body).read == 1_300


def test_time_runs_from_the_start_of_the_request_and_a_hit_renews_it(ask: Ask) -> None:
    visits, body = Visits(), ask(system=[block(LONG, "5m")])
    visits.visit(body, 0.0)
    assert visits.visit(body, 299.0).read == 1_300
    assert visits.visit(body, 598.0).read == 1_300
    assert visits.visit(body, 898.0).read == 0


def test_an_hour_lasts_an_hour(ask: Ask) -> None:
    visits, body = Visits(), ask(system=[block(LONG, "1h")])
    plan = visits.visit(body, 0.0)
    assert (plan.write_1h, plan.write_5m) == (1_300, 0)
    assert visits.visit(body, 3_599.0).read == 1_300


def test_splits_tokens_by_hit_hour_mark_and_last_mark(ask: Ask) -> None:
    visits = Visits()
    visits.visit(ask(system=[block(LONG, "1h")]))
    plan = visits.visit(
        ask(system=[block(LONG, "1h"), block(LONG, "1h"), block(LONG, "5m"), block(LONG)])
    )
    assert (plan.read, plan.write_1h, plan.write_5m) == (1_300, 1_300, 1_300)
    assert plan.uncached > 1_300


def test_short_prefixes_are_not_cached(ask: Ask) -> None:
    visits, body = Visits(), ask(system=[block("x" * 1_000, "5m")])
    assert visits.visit(body).write_5m == 0
    assert visits.visit(body).read == 0
    older = ask(model="claude-haiku-4-5", system=[block(LONG, "5m")])
    assert visits.visit(older).write_5m == 0


def test_a_mark_finds_an_entry_at_most_twenty_places_back(ask: Ask) -> None:
    def turns(count: int) -> list[dict[str, object]]:
        blocks = [block(f"turn {n} {LONG}") for n in range(count)]
        return [{"role": "user", "content": [*blocks[:-1], block(f"last {LONG}", "5m")]}]

    def grown(count: int) -> CachePlan:
        visits = Visits()
        marked = [block(f"turn 0 {LONG}", "5m")]
        visits.visit(ask(messages=[{"role": "user", "content": marked}]))
        return visits.visit(ask(messages=turns(count)))

    assert grown(20).read > 0
    assert grown(21).read == 0


def test_what_comes_before_changes_the_prefix(ask: Ask) -> None:
    visits, system = Visits(), [block(LONG, "5m")]
    visits.visit(ask(system=system))
    tool = {"name": "t", "input_schema": {"type": "object"}}
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    formatted = {"format": {"type": "json_schema", "schema": schema}}
    assert visits.visit(ask(system=system, tools=[tool])).read == 0
    assert visits.visit(ask(system=system, output_config=formatted)).read == 0
    assert visits.visit(ask(system=system), key="another").read == 0
    assert visits.visit(ask(system=system, model="claude-opus-5")).read == 0
    assert visits.visit(ask(system=system, output_config={"effort": "low"})).read == 1_300


def test_thinking_and_effort_change_messages_only(ask: Ask) -> None:
    visits = Visits()
    messages = [{"role": "user", "content": [block(LONG, "5m")]}]
    visits.visit(ask(messages=messages))
    assert visits.visit(ask(messages=messages)).read > 0
    assert visits.visit(ask(messages=messages, thinking=None)).read == 0
    assert visits.visit(ask(messages=messages, output_config={"effort": "low"})).read == 0
    assert visits.visit(ask(messages=messages, output_config={"effort": "medium"})).read > 0


def test_the_automatic_mark_stands_on_the_last_block(ask: Ask) -> None:
    visits, automatic = Visits(), {"type": "ephemeral"}
    body = ask(LONG, cache_control=automatic)
    plan = visits.visit(body)
    assert (plan.write_5m, plan.uncached) == (1_304, 0)
    assert visits.visit(body).read == 1_304


def test_reads_cost_nothing_of_the_input_limit() -> None:
    plan = CachePlan(read=1_000, write_5m=20, write_1h=3, uncached=4)
    assert plan.charged == 27
