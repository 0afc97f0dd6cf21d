"""The 400s (and 404s) that the API answers before it looks at any limit."""

import orjson
import pytest

from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.reading import Call, count_tokens, read_call
from tests.unit.agents.simulator.client import Ask

NEW, OLD = "2026-10-21", "2023-06-01"

TOOL = {"name": "look_up", "input_schema": {"type": "object", "properties": {}}}
STRICT = {"type": "object", "properties": {}, "additionalProperties": False}
USER = {"role": "user", "content": "hi"}
PREFILL = [USER, {"role": "assistant", "content": "{"}]
FORMAT = {"format": {"type": "json_schema", "schema": STRICT}}
THINKING = {"type": "enabled", "budget_tokens": 1_024}
NO_THINKING = {"type": "disabled"}
EXTRA = "Extra inputs are not permitted"


def read(body: object, version: str = NEW) -> Call:
    return read_call(orjson.dumps(body), version=version, key="k")


def problem(body: object, version: str = NEW) -> str:
    with pytest.raises(ApiError) as caught:
        read(body, version)
    assert caught.value.status == 400
    assert caught.value.type == "invalid_request_error"
    return caught.value.message


def marked(text: str = "x", ttl: str | None = None) -> dict[str, object]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}


def document(**changes: object) -> dict[str, object]:
    source = {"type": "text", "media_type": "text/plain", "data": "words"}
    return {"type": "document", "source": source, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "model: Field required"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": None}, "messages: Field required"),
        ({"max_tokens": "1"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": 128_001}, "max_tokens: 128001 > 128000, which is the maximum allowed"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "user", "content": ""}]}, "must have non-empty content"),
        ({"messages": [{"role": "user", "content": []}]}, "must have non-empty content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: Input should be"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "non-empty"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0"),
        ({"messages": PREFILL}, "does not support assistant message prefill"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "prefill"),
        ({"messages": [USER, {"role": "system", "content": "x"}]}, "messages.1.role: 'system'"),
        ({"surprise": 1}, f"surprise: {EXTRA}"),
        ({"output_format": {}}, f"output_format: {EXTRA}"),
        ({"metadata": {"user_id": "u", "mail": "m"}}, f"metadata.mail: {EXTRA}"),
        ({"temperature": 1.0}, f"temperature: {EXTRA}"),
        ({"top_p": 0.9}, f"top_p: {EXTRA}"),
        ({"top_k": 5}, f"top_k: {EXTRA}"),
        ({"service_tier": "priority"}, "service_tier: Input should be"),
        ({"speed": "fast"}, "speed: fast mode is not supported"),
        ({"thinking": THINKING}, '"thinking.type.enabled" is not supported for this model'),
        ({"thinking": {"type": "between_tools"}}, '"thinking.type.between_tools" is not supported'),
        ({"thinking": {"type": "adaptive", "budget_tokens": 9}}, f"budget_tokens: {EXTRA}"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: Input should be"),
        ({"output_config": {"effort": "xhigh"}}, '"thinking.type.disabled" is not supported with'),
        ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
        ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
        ({"tools": [{**TOOL, "name": "no spaces"}]}, "tools.0.name: String should match"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}},
            "Tool 'other' not found",
        ),
        (
            {
                "tools": [
                    {"name": f"t{n}", "input_schema": STRICT, "strict": True} for n in range(21)
                ]
            },
            "at most 20 strict tools",
        ),
        ({"max_tokens": 0, "stream": True}, "0 is not supported with stream"),
        ({"max_tokens": 0, "output_config": FORMAT}, "not supported with output_config.format"),
        (
            {"max_tokens": 0, "tools": [TOOL], "tool_choice": {"type": "any"}},
            "0 is not supported with tool_choice",
        ),
        ({"system": [marked()] * 5}, "maximum of 4 blocks with cache_control may be provided. Fou"),
        ({"system": [marked(), marked(ttl="1h")]}, "system.1.cache_control.ttl: a ttl='1h'"),
        ({"system": [marked("")]}, "cannot be set for empty text blocks"),
        ({"system": [marked(ttl="2h")]}, "system.0.cache_control.ttl: Input should be"),
        ({"system": [marked()] * 4, "cache_control": {"type": "ephemeral"}}, "maximum of 4"),
        (
            {"system": [marked()], "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            "must not come after",
        ),
        (
            {
                "messages": [{"role": "user", "content": [marked()]}],
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            "ttl differs from the mark",
        ),
        (
            {
                "messages": [{"role": "user", "content": [document(citations={"enabled": True})]}],
                "output_config": FORMAT,
            },
            "citations are not supported with output_config.format",
        ),
    ],
)
def test_is_turned_away(ask: Ask, changes: dict[str, object], message: str) -> None:
    assert message in problem(ask(**changes))


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("claude-sonnet-5-5", {"thinking": NO_THINKING}, '"thinking.type.disabled"'),
        ("claude-opus-5-5", {"thinking": NO_THINKING}, '"thinking.type.disabled"'),
        ("claude-fable-5-2", {"thinking": NO_THINKING}, '"thinking.type.disabled"'),
        ("claude-opus-4-7", {"thinking": THINKING}, '"thinking.type.enabled"'),
        ("claude-haiku-4-5", {"thinking": {"type": "adaptive"}}, '"thinking.type.adaptive"'),
        ("claude-haiku-4-5", {"output_config": {"effort": "low"}}, "effort parameter"),
        ("claude-haiku-4-5", {"thinking": THINKING, "max_tokens": 1_024}, "`max_tokens` must be"),
        ("claude-haiku-4-5", {"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
        (
            "claude-haiku-4-5",
            {"thinking": {"type": "enabled", "budget_tokens": 10}},
            "greater than or equal to 1024",
        ),
        ("claude-haiku-4-5", {"max_tokens": 0, "thinking": THINKING}, "with thinking.type.enabled"),
        ("claude-haiku-4-5", {"inference_geo": "us"}, "inference_geo: not supported"),
        ("claude-haiku-4-5", {"messages": PREFILL, "output_config": FORMAT}, "prefill is not"),
        (
            "claude-haiku-4-5",
            {
                "max_tokens": 2_000,
                "thinking": THINKING,
                "tools": [TOOL],
                "tool_choice": {"type": "any"},
            },
            "Thinking may not be enabled when tool_choice forces",
        ),
        (
            "claude-sonnet-5-5",
            {"thinking": None, "tools": [TOOL], "tool_choice": {"type": "any"}},
            'tool_choice: "any" is not supported',
        ),
    ],
)
def test_models_refuse_different_things(
    ask: Ask, model: str, changes: dict[str, object], message: str
) -> None:
    assert message in problem(ask(model=model, **changes))


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("claude-haiku-5-5", {"tools": [TOOL], "tool_choice": {"type": "any"}}),
        ("claude-haiku-5-5", {"output_config": {"effort": "high"}}),
        ("claude-haiku-5-5", {"max_tokens": 0}),
        ("claude-haiku-5-5", {"stop_sequences": ["x"], "metadata": {"user_id": None}}),
        ("claude-haiku-5-5", {"system": None, "service_tier": "standard_only"}),
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-4-5", {"thinking": THINKING, "max_tokens": 2_000}),
        ("claude-haiku-4-5", {"messages": PREFILL}),
        ("claude-opus-4-8", {"messages": [USER, {"role": "system", "content": "be brief"}]}),
        ("claude-opus-5-5", {"speed": "fast", "inference_geo": "us", "thinking": None}),
        ("claude-haiku-5-5", {"system": [marked(ttl="1h"), marked(), marked(), marked()]}),
        ("claude-haiku-5-5", {"messages": [USER, {**USER, "content": "again"}]}),
    ],
)
def test_is_let_in(ask: Ask, model: str, changes: dict[str, object]) -> None:
    assert read(ask(model=model, **changes)).model.id.startswith(model)


def test_explicit_nulls_are_the_same_as_absent_keys(ask: Ask) -> None:
    nulls = dict.fromkeys(("system", "tools", "stream", "temperature", "output_config"))
    assert read({**ask(), **nulls}).body.system is None


def test_the_older_version_takes_sampling_on_older_models_only(ask: Ask) -> None:
    sampled = ask(temperature=0.0)
    assert problem(sampled, OLD) == f"temperature: {EXTRA}"
    old = ask(model="claude-haiku-4-5", temperature=0.0, top_k=3)
    assert read(old, OLD).body.temperature == 0.0
    assert problem(old, NEW) == f"temperature: {EXTRA}"


def test_the_new_version_changed_what_blocks_may_hold(ask: Ask) -> None:
    assistant = [USER, {"role": "assistant", "content": [document()]}, USER]
    cited = [{"role": "user", "content": [{"type": "text", "text": "x", "citations": [{"a": 1}]}]}]
    assert "messages.1.content.0: document blocks" in problem(ask(messages=assistant))
    assert "messages.0.content.0.citations" in problem(ask(messages=cited))
    assert read(ask(messages=assistant), OLD)
    assert read(ask(messages=cited), OLD)


@pytest.mark.parametrize("name", ["claude-nope", "claude-3-5-haiku-20241022", ""])
def test_unknown_and_retired_models_are_not_found(ask: Ask, name: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(ask(model=name))
    assert (caught.value.status, caught.value.type) == (404, "not_found_error")
    assert caught.value.message == f"model: {name}"


def test_a_prompt_must_fit_the_window(ask: Ask) -> None:
    long = ask("x" * 720_000, model="claude-haiku-4-5")
    assert problem(long) == "prompt is too long: 205719 tokens > 200000 maximum"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"a": NaN}'])
def test_what_is_no_json_is_a_400(raw: bytes) -> None:
    with pytest.raises(ApiError, match="not valid JSON"):
        read_call(raw, version=NEW, key="k")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"3"])
def test_a_body_is_an_object(raw: bytes) -> None:
    with pytest.raises(ApiError, match="valid dictionary") as caught:
        read_call(raw, version=NEW, key="k")
    assert "MessagesBody" not in caught.value.message


def test_counts_tokens_of_all_parts(ask: Ask) -> None:
    def count(**body: object) -> int:
        base = {"model": "claude-haiku-5-5", "messages": [USER]}
        return count_tokens(orjson.dumps({**base, **body}), version=NEW)

    bare = count()
    assert bare == 5
    assert count(system="s" * 35) == bare + 13
    assert count(model="claude-haiku-4-5", system="s" * 35) == bare + 10
    assert count(output_config=FORMAT) == bare + 40
    assert count(tools=[TOOL]) > bare + 354
    assert count(tools=[TOOL], tool_choice={"type": "any"}) == count(tools=[TOOL]) + 120
    with pytest.raises(ApiError, match="max_tokens: Extra inputs"):
        count(max_tokens=5)
    assert read(ask("hi")).prompt.total_tokens == bare


def test_the_digest_does_not_depend_on_the_order_of_keys(ask: Ask) -> None:
    body = ask()
    assert read(body).digest == read(dict(reversed(body.items()))).digest
    assert read(body).digest != read(ask("other")).digest


def test_user_turns_are_told_apart(ask: Ask) -> None:
    blocks = {"role": "user", "content": [marked("a"), document(), marked("b")]}
    call = read(ask(messages=[USER, {"role": "assistant", "content": "yes"}, blocks]))
    assert call.prompt.user_texts == ("hi", "a", "b")
    assert "words" in call.prompt.text()
