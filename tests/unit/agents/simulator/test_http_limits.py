"""Rate limits over HTTP: who is turned away, what the headers say, what the ledger knows."""

import asyncio
from datetime import UTC, datetime

import pytest

from agents.simulator import Limits, Ramp
from tests.unit.agents.simulator.client import Ask, Client, Serve

SLOW = {"requests_per_minute": 6, "burst_s": 10.0}
"""One request every ten seconds: no slow machine sees a refill."""
PREFIX = "anthropic-ratelimit"


async def test_headers_show_the_moment_of_admission(serve: Serve, ask: Ask) -> None:
    limits = Limits(
        requests_per_minute=10, input_tokens_per_minute=10_000, output_tokens_per_minute=5_000
    )
    client = await serve(limits=limits)
    answer = await client.send(ask("x" * 2_500))
    headers = answer.headers
    assert answer.json["usage"]["input_tokens"] == 933
    assert headers[f"{PREFIX}-requests-limit"] == "10"
    assert headers[f"{PREFIX}-requests-remaining"] == "9"
    assert headers[f"{PREFIX}-input-tokens-limit"] == "10000"
    assert headers[f"{PREFIX}-input-tokens-remaining"] == "9000"
    assert headers[f"{PREFIX}-output-tokens-remaining"] == "5000"
    assert headers[f"{PREFIX}-tokens-limit"] == "15000"
    assert headers[f"{PREFIX}-tokens-remaining"] == "14000"
    reset = datetime.fromisoformat(headers[f"{PREFIX}-requests-reset"])
    assert 4 < (reset - datetime.now(UTC)).total_seconds() < 8


async def test_over_the_limit(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(**SLOW))
    assert (await client.send(ask())).status == 200
    denied = await client.send(ask())
    assert denied.status == 429
    assert denied.json["error"]["type"] == "rate_limit_error"
    assert "rate limit of 6 requests per minute (org: " in denied.message
    assert "model: claude-haiku-5-5" in denied.message
    assert denied.headers["retry-after"] == "10"
    assert denied.headers["x-should-retry"] == "true"
    assert denied.headers[f"{PREFIX}-requests-remaining"] == "0"
    entry = client.simulator.ledger.entries[-1]
    assert (entry.decision, entry.limiter, entry.retry_after_s) == ("rate_limited", "requests", 10)
    assert (entry.admitted, entry.input_tokens, entry.cost_nanousd) == (False, 0, 0)


async def test_a_retry_before_its_time_is_early(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(**SLOW))
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    for retry in range(3):
        await client.send(ask(), headers=headers | {"x-stainless-retry-count": str(retry)})
    entries = client.simulator.ledger.entries
    assert [entry.early for entry in entries] == [False, False, True]
    assert [entry.retry_count for entry in entries] == [0, 1, 2]
    await client.send(ask(model="claude-opus-5"))
    assert not client.simulator.ledger.entries[-1].early
    totals = client.simulator.ledger.totals()
    assert (totals.early_retries, totals.limit_violations, totals.rejected_429) == (1, 2, 2)


async def test_no_burst_gets_more_than_the_bucket(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(requests_per_minute=6, burst_s=100.0))
    answers = await asyncio.gather(*(client.send(ask(f"n {n}")) for n in range(50)))
    assert [answer.status for answer in answers].count(200) in {10, 11}


async def test_output_is_charged_as_it_is_produced(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(output_tokens_per_minute=60, burst_s=1.0))
    answer = await client.send(ask(max_tokens=100_000))
    assert answer.status == 200
    entry = client.simulator.ledger.entries[0]
    assert entry.overdrawn
    assert entry.output_tokens == answer.json["usage"]["output_tokens"]
    denied = await client.send(ask())
    assert denied.status == 429
    assert "output tokens per minute" in denied.message
    assert 0 <= entry.output_tokens - int(denied.headers["retry-after"]) < 10


async def test_older_accounting_charges_the_maximum_first(serve: Serve, ask: Ask) -> None:
    client = await serve(
        limits=Limits(output_tokens_per_minute=1_000), output_accounting="max_tokens"
    )
    answer = await client.send(ask(max_tokens=600))
    assert answer.headers[f"{PREFIX}-output-tokens-remaining"] == "0"
    again = await client.send(ask(max_tokens=900))
    assert again.status == 200, "what was not produced was given back"
    assert (await client.send(ask(max_tokens=990))).status == 429


async def test_classes_do_not_share(serve: Serve, ask: Ask) -> None:
    client = await serve(limits_by_class={"claude-haiku-5-5": Limits(**SLOW)})
    assert [(await client.send(ask())).status for _ in range(2)] == [200, 429]
    for _ in range(3):
        assert (await client.send(ask(model="claude-haiku-4-5"))).status == 200


async def test_limits_can_be_changed_while_running(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(**SLOW))
    assert [(await client.send(ask())).status for _ in range(2)] == [200, 429]
    client.simulator.set_limits(Limits(requests_per_minute=600_000), "claude-haiku-5-5")
    async with asyncio.timeout(10):
        while (await client.send(ask())).status != 200:
            pass
    assert client.simulator.ledger.entries[-1].status == 200


async def test_the_ramp_limit_has_a_code(serve: Serve, ask: Ask) -> None:
    client = await serve(ramp=Ramp(floor_requests_per_minute=6))
    assert (await client.send(ask())).status == 200
    denied = await client.send(ask())
    assert denied.status == 429
    assert denied.json["error"]["details"] == {"error_code": "ramp_limit_exceeded"}
    assert 5 < int(denied.headers["retry-after"]) <= 10
    assert client.simulator.ledger.entries[-1].limiter == "ramp"


async def test_cached_input_is_not_charged(serve: Serve, ask: Ask) -> None:
    client = await serve(limits=Limits(input_tokens_per_minute=6_000, burst_s=20.0))
    system = [{"type": "text", "text": "x" * 3_500, "cache_control": {"type": "ephemeral"}}]
    first, second = [await client.send(ask(system=system)) for _ in range(2)]
    assert first.headers[f"{PREFIX}-input-tokens-remaining"] == "1000"
    assert second.status == 200


@pytest.mark.parametrize("status", [400, 404])
async def test_bad_requests_cost_nothing(client: Client, ask: Ask, status: int) -> None:
    body = ask(surprise=1) if status == 400 else ask(model="claude-nope")
    answer = await client.send(body)
    assert answer.status == status
    assert f"{PREFIX}-requests-limit" not in answer.headers
    entry = client.simulator.ledger.entries[0]
    assert (entry.decision, entry.status, entry.completed) == ("invalid", status, True)
    assert (await client.send(ask())).headers[f"{PREFIX}-requests-remaining"] == "3999"
