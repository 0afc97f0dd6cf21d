"""Every scripted fault, as a client sees it and as the ledger writes it down."""

import asyncio

import aiohttp
import orjson
import pytest

from agents.simulator import Fault, FaultKind
from tests.unit.agents.simulator.client import Ask, Client, Serve

LABEL = {"label": {"type": "string", "enum": ["billing", "other"]}}
LIMIT_HEADER = "anthropic-ratelimit-requests-remaining"


@pytest.mark.parametrize(
    ("kind", "status", "type_", "code", "retry_after"),
    [
        (FaultKind.RATE_LIMITED, 429, "rate_limit_error", None, "7"),
        (FaultKind.RAMP_LIMITED, 429, "rate_limit_error", "ramp_limit_exceeded", "7"),
        (FaultKind.SPEND_LIMITED, 429, "rate_limit_error", "enforced_spend_limit_reached", None),
        (FaultKind.UNAUTHORIZED, 401, "authentication_error", None, None),
        (FaultKind.FORBIDDEN, 403, "permission_error", None, None),
        (FaultKind.ERROR_500, 500, "api_error", None, None),
        (FaultKind.ERROR_503, 503, "api_error", None, None),
        (FaultKind.ERROR_504, 504, "timeout_error", None, None),
        (FaultKind.OVERLOADED_529, 529, "overloaded_error", None, None),
        (FaultKind.USAGE_LIMIT_400, 400, "invalid_request_error", None, None),
        (FaultKind.BAD_REQUEST_400, 400, "invalid_request_error", None, None),
        (FaultKind.TOO_LARGE_413, 413, "request_too_large", None, None),
    ],
)
async def test_rejections(
    client: Client, ask: Ask, kind: FaultKind, status: int, type_: str, code: str | None,
    retry_after: str | None,
) -> None:  # fmt: skip
    client.simulator.script(Fault(kind, times=1, retry_after_s=7))
    answer = await client.send(ask())
    error = answer.json["error"]
    assert (answer.status, error["type"]) == (status, type_)
    assert error["details"] == (code and {"error_code": code})
    assert answer.headers.get("retry-after") == retry_after
    assert (LIMIT_HEADER in answer.headers) == (status == 429)
    entry = client.simulator.ledger.entries[0]
    assert (entry.decision, entry.admitted, entry.output_tokens) == (f"fault:{kind}", False, 0)
    assert (await client.send(ask())).status == 200


async def test_the_spend_limits_say_when_they_end(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.USAGE_LIMIT_400, times=1))
    message = (await client.send(ask())).message
    assert message.startswith("You have reached your specified API usage limits.")
    assert "-01 at 00:00 UTC" in message


async def test_a_proxy_answers_in_html(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.HTML_502))
    answer = await client.send(ask())
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")
    assert "request-id" not in answer.headers
    assert b"502 Bad Gateway" in answer.raw


async def test_a_status_can_be_replaced(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.ERROR_500, status=408))
    answer = await client.send(ask())
    assert (answer.status, answer.json["error"]["type"]) == (408, "timeout_error")


async def test_a_scripted_429_makes_retries_early(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.RATE_LIMITED, times=1, retry_after_s=30.5))
    first, second = [await client.send(ask()) for _ in range(2)]
    assert (first.status, first.headers["retry-after"], second.status) == (429, "30.5", 200)
    assert [entry.early for entry in client.simulator.ledger.entries] == [False, True]
    assert client.simulator.ledger.totals().limit_violations == 0


async def test_counts_are_exact_under_concurrency(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.OVERLOADED_529, times=7, delay_s=0.05))
    answers = await asyncio.gather(*(client.send(ask(f"n {n}")) for n in range(40)))
    assert [answer.status for answer in answers].count(529) == 7


async def test_a_text_is_matched_anywhere_in_the_prompt(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.ERROR_500, text="poison"))
    assert (await client.send(ask("fine"))).status == 200
    assert (await client.send(ask("some poison"))).status == 500
    assert (await client.send(ask("fine", system="poison"))).status == 500
    client.simulator.clear_faults()
    assert (await client.send(ask("some poison"))).status == 200


async def test_spoiled_replies_are_admitted_and_paid(client: Client, formatted: Ask) -> None:
    client.simulator.script(Fault(FaultKind.MALFORMED_OUTPUT, times=1))
    answer = await client.send(formatted(LABEL))
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.text)
    entry = client.simulator.ledger.entries[0]
    assert (entry.status, entry.decision, entry.admitted) == (200, "fault:malformed_output", True)
    assert entry.output_tokens == answer.json["usage"]["output_tokens"] > 0
    assert entry.cost_nanousd == 100 * entry.input_tokens + 500 * entry.output_tokens


async def test_json_that_does_not_fit(client: Client, formatted: Ask) -> None:
    client.simulator.script(Fault(FaultKind.SCHEMA_INVALID))
    assert (await client.send(formatted(LABEL))).output == {"unexpected": True}


async def test_other_capitals(client: Client, formatted: Ask) -> None:
    client.simulator.script(Fault(FaultKind.WRONG_CASE_ENUM))
    assert (await client.send(formatted(LABEL, "bill"))).output == {"label": "BILLING"}


async def test_a_refusal_is_a_200_and_free(client: Client, formatted: Ask) -> None:
    client.simulator.script(Fault(FaultKind.REFUSAL))
    answer = (await client.send(formatted(LABEL))).json
    assert (answer["content"], answer["stop_reason"]) == ([], "refusal")
    assert answer["stop_details"]["type"] == "refusal"
    assert answer["usage"]["output_tokens"] == 0
    entry = client.simulator.ledger.entries[0]
    assert (entry.cost_nanousd, entry.stop_reason) == (0, "refusal")
    assert entry.input_tokens > 0


async def test_truncated_and_empty(client: Client, formatted: Ask) -> None:
    client.simulator.script(Fault(FaultKind.TRUNCATED, times=1))
    cut = await client.send(formatted(LABEL))
    assert cut.json["stop_reason"] == "max_tokens"
    assert cut.text == '{"label"'
    client.simulator.script(Fault(FaultKind.EMPTY, times=1))
    empty = (await client.send(formatted(LABEL))).json
    assert (empty["content"], empty["stop_reason"]) == ([], "end_turn")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_body_that_is_no_json(client: Client, ask: Ask, stream: object) -> None:
    client.simulator.script(Fault(FaultKind.MALFORMED_JSON))
    answer = await client.send(ask(stream=stream))
    assert answer.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.raw.split(b"data: ")[-1] if stream else answer.raw)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_connection_is_reset_before_headers(
    client: Client, ask: Ask, stream: object
) -> None:
    client.simulator.script(Fault(FaultKind.RESET_BEFORE_HEADERS, times=1))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.send(ask(stream=stream))
    entry = client.simulator.ledger.entries[0]
    assert (entry.status, entry.first_byte_s, entry.completed) == (0, None, True)
    assert entry.output_tokens > 0, "the work was done, so it is paid"
    assert client.simulator.ledger.totals().errors == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_the_connection_is_reset_after_headers(
    client: Client, ask: Ask, stream: object
) -> None:
    client.simulator.script(Fault(FaultKind.RESET_AFTER_HEADERS, times=1))
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
        await client.send(ask(stream=stream))
    entry = client.simulator.ledger.entries[0]
    assert (entry.status, entry.decision) == (200, "fault:reset_after_headers")


async def test_a_stream_is_cut(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.CUT_STREAM, times=1))
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.send(ask(stream=True))
    whole = await client.send(ask())
    entry = client.simulator.ledger.entries[0]
    assert 0 < entry.output_tokens < whole.json["usage"]["output_tokens"]


async def test_an_error_comes_in_a_stream(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.ERROR_EVENT))
    answer = await client.send(ask(stream=True))
    assert answer.status == 200
    name, data = answer.raw.decode().strip().split("\n\n")[-1].split("\n")
    error = orjson.loads(data.removeprefix("data: "))
    assert name == "event: error"
    assert error["error"]["type"] == "overloaded_error"
    assert error["request_id"] == answer.headers["request-id"]


async def test_a_stream_ends_early_without_any_error(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.NO_MESSAGE_STOP))
    raw = (await client.send(ask(stream=True))).raw
    assert b"content_block_delta" in raw
    assert b"message_delta" not in raw
    assert b"message_stop" not in raw


async def test_stream_faults_leave_plain_requests_alone(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.CUT_STREAM, times=1))
    assert (await client.send(ask())).status == 200


async def until_in_flight(client: Client, count: int) -> None:
    async with asyncio.timeout(10):
        while client.simulator.ledger.totals().in_flight != count:
            await client.get("/_simulator/totals")


async def test_a_hanging_request_ends_when_the_client_leaves(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.HANG, times=1))
    waiting = asyncio.create_task(client.send(ask()))
    await until_in_flight(client, 1)
    waiting.cancel()
    await until_in_flight(client, 0)
    entry = client.simulator.ledger.entries[0]
    assert (entry.status, entry.completed, entry.admitted) == (0, False, True)
    assert (entry.output_tokens, entry.decision) == (0, "fault:hang")
    assert client.simulator.ledger.totals().abandoned == 1


async def test_a_hang_can_end_by_itself(client: Client, ask: Ask) -> None:
    client.simulator.script(Fault(FaultKind.HANG, times=1, delay_s=0.05))
    assert (await client.send(ask())).status == 200


async def test_stopping_lets_hanging_clients_go(serve: Serve, ask: Ask) -> None:
    client = await serve(faults=(Fault(FaultKind.HANG),))
    waiting = asyncio.create_task(client.send(ask()))
    await until_in_flight(client, 1)
    await client.simulator.stop()
    await asyncio.gather(waiting, return_exceptions=True)
    assert client.simulator.ledger.totals().in_flight == 0


async def test_leaving_in_the_middle_is_written_down(serve: Serve, ask: Ask) -> None:
    client = await serve(tokens_per_s=1.0, time_to_first_token_s=0.0, time_scale=1.0, tail=0.0)
    async with client.session.post(
        client.simulator.url + "/v1/messages",
        json=ask(stream=True),
        headers={"x-api-key": "k", "anthropic-version": "2026-10-21"},
    ) as response:
        assert b"message_start" in await response.content.readuntil(b"\n\n")
        response.close()
    await until_in_flight(client, 0)
    entry = client.simulator.ledger.entries[0]
    assert (entry.status, entry.completed, entry.stop_reason) == (200, False, None)
