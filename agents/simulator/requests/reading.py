"""From bytes and headers to a request that the API would take."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson

from agents.simulator.requests import cache_rules, rules, thinking_rules
from agents.simulator.requests.body import B, CountBody, MessagesBody, parse_body, parse_json
from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.model_table import BY_NAME
from agents.simulator.requests.models import Model
from agents.simulator.requests.prompt import Prompt, flatten
from agents.simulator.requests.schema_rules import check_together

RULES = (*rules.RULES, *thinking_rules.RULES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A valid call of `POST /v1/messages`."""

    body: MessagesBody
    model: Model
    prompt: Prompt
    workspace: str
    """Separates the prompt caches of different keys."""
    digest: str
    """SHA-256 of the body with its keys sorted, in hex."""
    schema_json: bytes
    """The output schema, or nothing."""


def check_key(headers: Mapping[str, str], expected: str) -> str:
    """Return the key of a request; `x-api-key` wins over `authorization`."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    key = headers.get("x-api-key", "") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if not key:
        raise ApiError(401, "x-api-key or Authorization: Bearer header is required")
    if expected and key != expected:
        raise ApiError(401, "invalid x-api-key")
    return key


def check_version(headers: Mapping[str, str]) -> str:
    """Return the API version of a request."""
    version = headers.get("anthropic-version", "")
    if not version:
        raise ApiError(400, "anthropic-version: header is required")
    if version not in rules.VERSIONS:
        raise ApiError(400, f"anthropic-version: '{version}' is not a valid version")
    return version


def read_call(raw: bytes, *, version: str, key: str) -> Call:
    """Check everything that can be checked before the limits are looked at."""
    value = parse_json(raw)
    body = parse_body(MessagesBody, value)
    model, prompt = _check(body, version)
    schema = body.output_schema
    return Call(
        body=body,
        model=model,
        prompt=prompt,
        workspace=sha256(key.encode()).hexdigest()[:16],
        digest=sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        schema_json=b"" if schema is None else orjson.dumps(schema),
    )


def count_tokens(raw: bytes, *, version: str) -> int:
    """Answer `count_tokens`: the whole prompt, without any caching."""
    body = parse_body(CountBody, parse_json(raw))
    return _check(body, version)[1].total_tokens


def _check(body: B, version: str) -> tuple[Model, Prompt]:
    model = BY_NAME.get(body.model)
    if model is None or model.lifecycle == "retired":
        raise ApiError(404, f"model: {body.model}")
    question = rules.Question(body=body, model=model, version=version)
    for rule in RULES:
        _refuse(rule(question))
    _refuse(check_together(_schemas(body)))
    prompt = flatten(body, model)
    _refuse(cache_rules.check_marks(prompt))
    prompt = cache_rules.with_automatic_mark(prompt, body.cache_control)
    if prompt.total_tokens > model.max_input_tokens:
        found, limit = prompt.total_tokens, model.max_input_tokens
        raise ApiError(400, f"prompt is too long: {found} tokens > {limit} maximum")
    return model, prompt


def _schemas(body: CountBody) -> list[bytes]:
    schemas = [tool.input_schema for tool in body.tools or () if tool.strict]
    if body.output_schema is not None:
        schemas.append(body.output_schema)
    return [orjson.dumps(schema) for schema in schemas]


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise ApiError(400, problem)
