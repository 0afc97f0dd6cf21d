"""`GET /v1/models`: pages of the model table."""

from collections.abc import Mapping, Sequence

import orjson

from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.model_table import BY_NAME, MODELS
from agents.simulator.requests.models import Model

DEFAULT_PAGE = 20
LARGEST_PAGE = 1_000
CALLABLE = ("active", "deprecated")


def model_page(query: Mapping[str, str], lifecycles: Sequence[str]) -> bytes:
    """Return one page; retired models are listed only when they are asked for."""
    wanted = lifecycles or CALLABLE
    models = [model for model in MODELS if model.lifecycle in wanted]
    limit = _limit(query.get("limit", str(DEFAULT_PAGE)))
    ids = [model.id for model in models]
    start, end = 0, len(models)
    if after := query.get("after_id"):
        start = _place(ids, after) + 1
    if before := query.get("before_id"):
        end = _place(ids, before)
        start = max(start, end - limit)
    page = models[start:end][:limit]
    more = start > 0 if before else start + limit < end
    return orjson.dumps(
        {
            "data": [describe(model) for model in page],
            "has_more": more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def one_model(name: str) -> bytes:
    """Return one model by id or alias."""
    model = BY_NAME.get(name)
    if model is None:
        raise ApiError(404, f"model: {name}")
    return orjson.dumps(describe(model))


def describe(model: Model) -> dict[str, object]:
    """Return a model as the API lists it."""
    return {
        "id": model.id,
        "type": "model",
        "display_name": model.display_name,
        "created_at": model.created_at,
        "lifecycle": model.lifecycle,
        "deprecated_at": model.deprecated_at,
        "retires_at": model.retires_at,
        "line": model.line,
        "max_input_tokens": model.max_input_tokens,
        "max_tokens": model.max_tokens,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, object]:
    yes = {"supported": True}
    efforts = ("low", "medium", "high", "xhigh", "max")
    has_effort = {"supported": model.default_effort is not None}
    return {
        "batch": yes,
        "citations": yes,
        "code_execution": yes,
        "context_management": yes,
        "effort": {**has_effort, **dict.fromkeys(efforts, has_effort)},
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": yes,
        "structured_outputs": yes,
        "thinking": {
            "supported": True,
            "types": {
                name: {"supported": name in model.thinking} for name in ("adaptive", "enabled")
            },
        },
    }


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise ApiError(400, f"limit: Input should be between 1 and {LARGEST_PAGE}")
    return int(text)


def _place(ids: Sequence[str], name: str) -> int:
    if name not in ids:
        raise ApiError(400, f"'{name}' is not in this list")
    return ids.index(name)
