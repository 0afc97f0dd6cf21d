"""What a reply holds: structure, thinking, tools, truncation, cache, streams."""

import orjson
import pytest

from tests.unit.agents.simulator.client import Ask, Client, Serve

LABEL = {"type": "string", "enum": ["billing", "delivery", "other"]}
TOOL = {
    "name": "file_ticket",
    "input_schema": {"type": "object", "properties": {"label": LABEL}, "required": ["label"]},
}


async def test_structured_output(client: Client, formatted: Ask) -> None:
    body = formatted({"label": LABEL, "confidence": {"type": "number"}}, "my parcel is late")
    answer = await client.send(body)
    assert list(answer.output) == ["label", "confidence"]
    assert answer.output["label"] == "delivery"
    assert answer.text == orjson.dumps(answer.output).decode()


async def test_thinking_comes_first_and_is_paid(client: Client, ask: Ask) -> None:
    plain = (await client.send(ask())).json
    thought = (await client.send(ask(thinking=None))).json
    first = thought["content"][0]
    assert (first["type"], first["thinking"]) == ("thinking", "")
    assert first["signature"]
    thinking_tokens = thought["usage"]["output_tokens_details"]["thinking_tokens"]
    extra = thought["usage"]["output_tokens"] - plain["usage"]["output_tokens"]
    assert extra == thinking_tokens > 0


async def test_a_small_maximum_is_eaten_by_thinking(client: Client, ask: Ask) -> None:
    answer = (await client.send(ask(thinking=None, max_tokens=5))).json
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 5)
    assert [block["type"] for block in answer["content"]] == ["thinking"]


async def test_truncation(client: Client, formatted: Ask) -> None:
    whole = await client.send(formatted({"reply": {"type": "string"}}))
    cut = await client.send(formatted({"reply": {"type": "string"}}, max_tokens=8))
    assert (cut.json["stop_reason"], cut.json["usage"]["output_tokens"]) == ("max_tokens", 8)
    assert whole.text.startswith(cut.text)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(cut.text)


async def test_stop_sequences_end_plain_text(client: Client, ask: Ask) -> None:
    answer = (await client.send(ask("my parcel", stop_sequences=["zzz", "delivery"]))).json
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "delivery")
    assert "delivery" not in answer["content"][0]["text"]


async def test_a_forced_tool_is_used(client: Client, ask: Ask) -> None:
    body = ask("my parcel is late", tools=[TOOL], tool_choice={"type": "any"})
    answer = (await client.send(body)).json
    use = answer["content"][0]
    assert answer["stop_reason"] == "tool_use"
    assert (use["type"], use["name"], use["input"]) == (
        "tool_use",
        "file_ticket",
        {"label": "delivery"},
    )


async def test_warming_up_reads_and_writes_the_cache_only(client: Client, ask: Ask) -> None:
    system = [{"type": "text", "text": "x" * 3_500, "cache_control": {"type": "ephemeral"}}]
    warm = (await client.send(ask(max_tokens=0, system=system))).json
    assert (warm["content"], warm["stop_reason"]) == ([], "max_tokens")
    assert warm["usage"]["output_tokens"] == 0
    assert warm["usage"]["cache_creation"]["ephemeral_5m_input_tokens"] == 1_300
    answer = (await client.send(ask(system=system))).json
    assert answer["usage"]["cache_read_input_tokens"] == 1_300
    entry = client.simulator.ledger.entries[-1]
    assert (entry.cache_read_tokens, entry.cache_creation_tokens) == (1_300, 0)
    assert entry.input_tokens == answer["usage"]["input_tokens"]


async def test_the_same_request_gets_the_same_reply(client: Client, formatted: Ask) -> None:
    body = formatted({"label": LABEL, "note": {"type": "string"}}, "hello there")
    assert (await client.send(body)).text == (await client.send(body)).text


def events_of(raw: bytes) -> list[dict[str, object]]:
    events = []
    for part in raw.decode().strip().split("\n\n"):
        name, data = part.split("\n")
        event = orjson.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


async def test_a_stream_has_the_events_of_the_api(client: Client, ask: Ask) -> None:
    plain = await client.send(ask(thinking=None))
    answer = await client.send(ask(thinking=None, stream=True))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "anthropic-ratelimit-requests-remaining" in answer.headers
    events = events_of(answer.raw)
    kinds = [event["type"] for event in events]
    assert kinds[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert 15 <= len(events) <= 30
    start = events[0]["message"]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"]["output_tokens"] == 1
    assert events[3]["delta"]["type"] == "signature_delta"
    texts = [
        event["delta"].get("text", "") for event in events if "index" in event and "delta" in event
    ]
    assert "".join(texts) == plain.text
    delta = events[-2]
    assert delta["delta"] == {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
    }
    assert delta["usage"]["output_tokens"] == plain.json["usage"]["output_tokens"]


async def test_a_streamed_tool_call_comes_in_pieces_of_json(client: Client, ask: Ask) -> None:
    body = ask("my parcel is late", stream=True, tools=[TOOL], tool_choice={"type": "any"})
    events = events_of((await client.send(body)).raw)
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert {delta["type"] for delta in deltas} == {"input_json_delta"}
    assert orjson.loads("".join(delta["partial_json"] for delta in deltas)) == {"label": "delivery"}


async def test_a_stream_is_paced(serve: Serve, ask: Ask) -> None:
    client = await serve(time_scale=0.2, tail=0.0)
    await client.send(ask(stream=True))
    entry = client.simulator.ledger.entries[0]
    assert entry.first_byte_s is not None
    assert entry.streamed
    assert entry.first_byte_s - entry.arrived_s > 0.02
    assert entry.finished_s - entry.first_byte_s > 0.03
