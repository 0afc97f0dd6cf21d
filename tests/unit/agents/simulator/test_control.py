"""The endpoints for tests and benchmarks in another process."""

import orjson
import pytest

from tests.unit.agents.simulator.client import Ask, Client


async def test_health(client: Client) -> None:
    answer = await client.send(method="GET", path="/_simulator/health", headers={})
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_the_ledger_is_read_on_from_where_one_was(client: Client, ask: Ask) -> None:
    for number in range(3):
        await client.send(ask(f"event {number}"))
    raw = (await client.get("/_simulator/ledger?after=1")).raw
    entries = [orjson.loads(line) for line in raw.splitlines()]
    assert [entry["id"] for entry in entries] == [2, 3]
    assert entries[0]["last_user_text"] == "event 1"
    assert entries[0]["model_class"] == "haiku-5.5"
    assert entries[0]["prompt_digest"] == client.simulator.ledger.entries[1].prompt_digest
    assert len((await client.get("/_simulator/ledger")).raw.splitlines()) == 3
    assert (await client.get("/_simulator/ledger?after=x")).status == 400


async def test_totals(client: Client, ask: Ask) -> None:
    await client.send(ask())
    totals = (await client.get("/_simulator/totals")).json
    assert (totals["requests"], totals["admitted"], totals["rejected_429"]) == (1, 1, 0)
    assert totals["output_tokens"] == client.simulator.ledger.entries[0].output_tokens


async def test_faults_are_scripted_and_cleared(client: Client, ask: Ask) -> None:
    path = "/_simulator/faults"
    fault = {"kind": "error_500", "text": "poison"}
    assert (await client.send(fault, path=path)).json == {"scripted": "error_500"}
    assert (await client.send(ask("poison"))).status == 500
    assert (await client.send(method="DELETE", path=path)).status == 200
    assert (await client.send(ask("poison"))).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "meteor"}),
        ("faults", {"kind": "empty", "rate": 2}),
        ("faults", {"kind": "empty", "surprise": 1}),
        ("faults", b"no json"),
        ("limits", {"requests_per_minute": 0}),
        ("limits", {"surprise": 1}),
        ("limits", b"[1]"),
        ("limits", b"no json"),
    ],
)
async def test_wrong_orders_are_named(client: Client, path: str, body: object) -> None:
    answer = await client.send(body, path=f"/_simulator/{path}")
    assert answer.status == 400
    assert answer.json["error"]


async def test_limits_are_changed(client: Client, ask: Ask) -> None:
    limits = {"requests_per_minute": 6, "burst_s": 10.0, "model_class": "claude-haiku-5-5"}
    assert (await client.send(limits, path="/_simulator/limits")).json["requests_per_minute"] == 6
    assert [(await client.send(ask())).status for _ in range(2)] == [200, 429]
    assert (await client.send(ask(model="claude-opus-5"))).status == 200


async def test_orders_are_not_in_the_ledger(client: Client) -> None:
    await client.get("/_simulator/totals")
    await client.get("/v1/models")
    assert client.simulator.ledger.totals().requests == 0
