"""Transport: keys, versions, paths, encodings, headers."""

import asyncio
import gzip
import re
import zlib

import orjson
import pytest

from tests.unit.agents.simulator.client import Ask, Client, Serve

VERSION = {"anthropic-version": "2026-10-21"}
BEARER = {"authorization": "Bearer sk-good"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "sk-good"}, 200),
        ({"authorization": "Bearer sk-good"}, 200),
        ({"authorization": "bearer sk-good"}, 200),
        ({"x-api-key": "sk-good", "authorization": "Bearer sk-bad"}, 200),
        ({"x-api-key": "sk-bad", "authorization": "Bearer sk-good"}, 401),
        ({"authorization": "Basic sk-good"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({}, 401),
    ],
)
async def test_keys(serve: Serve, ask: Ask, headers: dict[str, str], status: int) -> None:
    client = await serve(key="sk-good")
    for path, body in (("/v1/messages", ask()), ("/v1/models", None)):
        method = "POST" if body else "GET"
        answer = await client.send(body, method=method, path=path, headers={**VERSION, **headers})
        assert answer.status == status
        if status == 401:
            assert answer.json["error"]["type"] == "authentication_error"
            assert "anthropic-organization-id" not in answer.headers


async def test_any_key_is_taken_unless_one_is_set(client: Client, ask: Ask) -> None:
    assert (await client.send(ask())).status == 200


@pytest.mark.parametrize("version", ["", "2024-01-01"])
async def test_versions(client: Client, ask: Ask, version: str) -> None:
    headers = BEARER | ({"anthropic-version": version} if version else {})
    answer = await client.send(ask(), headers=headers)
    assert answer.status == 400
    assert answer.message.startswith("anthropic-version:")
    old = await client.send(ask(), headers=BEARER | {"anthropic-version": "2023-06-01"})
    assert old.status == 200


async def test_a_plain_answer_has_the_shape_of_the_api(client: Client, ask: Ask) -> None:
    answer = await client.send(ask("Where is my parcel?"))
    body = answer.json
    assert re.fullmatch(r"req_\w{24}", answer.headers["request-id"])
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["anthropic-workspace-id"].startswith("wrkspc_")
    assert list(body) == [
        "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details",
        "container", "diagnostics", "usage",
    ]  # fmt: skip
    assert body["content"] == [{"type": "text", "text": answer.text, "citations": None}]
    assert "delivery" in answer.text
    assert (body["stop_reason"], body["stop_sequence"], body["model"]) == (
        "end_turn",
        None,
        "claude-haiku-5-5",
    )
    usage = body["usage"]
    assert usage["output_tokens"] > 0
    assert usage["output_tokens_details"] == {"thinking_tokens": 0}
    assert usage["cache_creation_input_tokens"] == sum(usage["cache_creation"].values()) == 0


async def test_errors_have_the_shape_of_the_api(client: Client, ask: Ask) -> None:
    answer = await client.send(ask(surprise=1))
    assert answer.status == 400
    assert answer.json == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "surprise: Extra inputs are not permitted",
            "details": None,
        },
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/v1/complete"),
        ("GET", "/v1/messages"),
        ("GET", "/v1/models/claude-nope"),
    ],
)
async def test_unknown_paths(client: Client, method: str, path: str) -> None:
    answer = await client.send(method=method, path=path)
    assert answer.status == 404
    assert answer.json["error"]["type"] == "not_found_error"
    assert answer.json["request_id"] == answer.headers["request-id"]


async def test_head_is_not_found(client: Client) -> None:
    for path in ("/v1/models", "/v1/messages"):
        assert (await client.send(method="HEAD", path=path)).status == 404


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_bodies_may_be_packed(client: Client, ask: Ask, coding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}
    headers = BEARER | VERSION | {"content-encoding": coding}
    answer = await client.send(pack[coding](orjson.dumps(ask())), headers=headers)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("coding", "raw", "code"),
    [
        ("foo", b"{}", "request_body_encoding_unsupported"),
        ("gzip", b"this is not gzip", "request_body_encoding_invalid"),
    ],
)
async def test_bad_packing_has_a_code(client: Client, coding: str, raw: bytes, code: str) -> None:
    answer = await client.send(raw, headers=BEARER | VERSION | {"content-encoding": coding})
    assert answer.status == 400
    assert answer.json["error"]["details"] == {"error_code": code}


async def test_a_body_may_be_too_large_when_it_is_unpacked(client: Client) -> None:
    bomb = gzip.compress(b" " * (33 * 2**20))
    answer = await client.send(bomb, headers=BEARER | VERSION | {"content-encoding": "gzip"})
    assert answer.status == 413
    assert answer.json["error"] == {
        "type": "request_too_large",
        "message": "Request exceeds the maximum size",
        "details": {"error_code": "request_body_too_large_after_decoding"},
    }


async def test_a_large_body_is_turned_away_by_its_length(client: Client) -> None:
    host, port = client.simulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = {"host": host, "content-length": str(33 * 2**20), **BEARER, **VERSION}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST /v1/messages HTTP/1.1\r\n{lines}\r\n".encode())
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    assert b" 413 " in status


async def test_counting_tokens(serve: Serve, ask: Ask) -> None:
    client = await serve(count_tokens_per_minute=2)
    body = {"model": "claude-haiku-5-5", "messages": [{"role": "user", "content": "hi"}]}
    path = "/v1/messages/count_tokens"
    answer = await client.send(body, path=path)
    assert (answer.status, answer.json) == (200, {"input_tokens": 5})
    assert (await client.send(ask(), path=path)).message.startswith("max_tokens: Extra inputs")
    assert (await client.send(body, path=path)).status == 200
    denied = await client.send(body, path=path)
    assert denied.status == 429
    assert int(denied.headers["retry-after"]) > 0
    assert (await client.send(ask())).status == 200
    assert client.simulator.ledger.totals().requests == 1


async def test_models_come_in_pages(client: Client) -> None:
    everything = (await client.get("/v1/models?limit=1000")).json
    ids = [model["id"] for model in everything["data"]]
    assert ids[0] == "claude-fable-5-2"
    assert not everything["has_more"]
    first = (await client.get("/v1/models?limit=3")).json
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[0], ids[2], True)
    rest = (await client.get(f"/v1/models?limit=1000&after_id={ids[2]}")).json
    assert [model["id"] for model in rest["data"]] == ids[3:]
    before = (await client.get(f"/v1/models?limit=2&before_id={ids[5]}")).json
    assert [model["id"] for model in before["data"]] == ids[3:5]
    assert before["has_more"]
    for wrong in ("limit=0", "limit=x", "after_id=nope"):
        assert (await client.get(f"/v1/models?{wrong}")).status == 400


async def test_retired_models_are_listed_only_on_request(client: Client) -> None:
    usual = (await client.get("/v1/models")).json["data"]
    assert {model["lifecycle"] for model in usual} == {"active", "deprecated"}
    retired = (await client.get("/v1/models?lifecycle[]=retired")).json["data"]
    assert [model["id"] for model in retired] == ["claude-3-5-haiku-20241022"]


async def test_one_model(client: Client) -> None:
    model = (await client.get("/v1/models/claude-haiku-5-5")).json
    assert (model["type"], model["line"], model["max_tokens"]) == ("model", "haiku", 128_000)
    assert model["capabilities"]["structured_outputs"] == {"supported": True}
    assert (await client.get("/v1/models/claude-haiku-4-5")).json["id"].endswith("20251001")


async def test_starts_and_stops_twice(serve: Serve, ask: Ask) -> None:
    client = await serve()
    simulator = client.simulator
    await simulator.start()
    assert (await client.send(ask())).status == 200
    assert simulator.url in repr(simulator)
    await simulator.stop()
    await simulator.stop()
    assert "stopped" in repr(simulator)
    await simulator.start()
    assert (await client.send(ask())).status == 200
    assert simulator.ledger.totals().requests == 2
