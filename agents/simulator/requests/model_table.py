"""The models the simulator knows, as data (sources: the model pages and price lists)."""

from dataclasses import replace

from agents.simulator.requests.models import Model, Prices

OPTIONAL = frozenset({"adaptive", "disabled"})
BETWEEN = frozenset({"adaptive", "between_tools"})
MANUAL = frozenset({"enabled", "disabled"})

HAIKU_5_5 = Prices(input=100, write_5m=125, write_1h=200, read=10, output=500)
HAIKU_5_5_LONG = Prices(input=500, write_5m=625, write_1h=1_000, read=50, output=2_500)
SONNET_5_5 = Prices(input=2_000, write_5m=2_500, write_1h=4_000, read=100, output=10_000)
OPUS_5_5 = Prices(input=4_000, write_5m=5_000, write_1h=8_000, read=200, output=20_000)
FABLE_5_2 = Prices(input=8_000, write_5m=10_000, write_1h=16_000, read=200, output=40_000)
FABLE_5_1 = Prices(input=10_000, write_5m=12_500, write_1h=20_000, read=250, output=50_000)
FABLE_5 = replace(FABLE_5_1, read=1_000)
OPUS = Prices(input=5_000, write_5m=6_250, write_1h=10_000, read=500, output=25_000)
SONNET_5 = replace(SONNET_5_5, read=200)
SONNET_4 = Prices(input=3_000, write_5m=3_750, write_1h=6_000, read=300, output=15_000)
HAIKU_4_5 = Prices(input=1_000, write_5m=1_250, write_1h=2_000, read=100, output=5_000)
HAIKU_3_5 = Prices(input=800, write_5m=1_000, write_1h=1_600, read=80, output=4_000)

_haiku = Model(
    id="claude-haiku-5-5",
    model_class="haiku-5.5",
    display_name="Claude Haiku 5.5",
    created_at="2026-10-07T00:00:00Z",
    prices=HAIKU_5_5,
    long_prices=HAIKU_5_5_LONG,
    thinking=OPTIONAL,
    disabled_up_to_high=True,
    default_effort="medium",
)
_sonnet = Model(
    id="claude-sonnet-5-5",
    model_class="sonnet-5.5",
    display_name="Claude Sonnet 5.5",
    created_at="2026-09-28T00:00:00Z",
    prices=SONNET_5_5,
    thinking=BETWEEN,
    forced_tools=False,
)
_opus = Model(
    id="claude-opus-5-5",
    model_class="opus-5.5",
    display_name="Claude Opus 5.5",
    created_at="2026-09-15T00:00:00Z",
    prices=OPUS_5_5,
    default_effort="medium",
    forced_tools=False,
    system_turns=True,
    fast=True,
)
_fable = Model(
    id="claude-fable-5-2",
    model_class="fable-5.x",
    display_name="Claude Fable 5.2",
    created_at="2026-11-09T00:00:00Z",
    prices=FABLE_5_2,
    forced_tools=False,
    system_turns=True,
)
_opus_4 = Model(
    id="claude-opus-4-8",
    model_class="opus-4.x",
    display_name="Claude Opus 4.8",
    created_at="2026-05-28T00:00:00Z",
    prices=OPUS,
    min_cache_tokens=1_024,
    thinks_by_default=False,
    thinking=OPTIONAL,
    sampling=True,
    system_turns=True,
)
_older = replace(
    _opus_4,
    tokenizer_factor=1.0,
    max_input_tokens=200_000,
    max_tokens=64_000,
    thinking=MANUAL,
    default_effort=None,
    prefill=True,
    system_turns=False,
    regional=False,
)

MODELS: tuple[Model, ...] = (
    _fable,
    replace(
        _fable, id="claude-mythos-5-2", model_class="mythos-5.x", display_name="Claude Mythos 5.2"
    ),
    _haiku,
    _sonnet,
    _opus,
    replace(
        _fable,
        id="claude-fable-5-1",
        display_name="Claude Fable 5.1",
        created_at="2026-09-01T00:00:00Z",
        prices=FABLE_5_1,
    ),
    replace(
        _fable,
        id="claude-mythos-5-1",
        model_class="mythos-5.x",
        display_name="Claude Mythos 5.1",
        created_at="2026-09-01T00:00:00Z",
        prices=FABLE_5_1,
    ),
    replace(
        _opus,
        id="claude-opus-5",
        model_class="opus-5",
        display_name="Claude Opus 5",
        created_at="2026-07-24T00:00:00Z",
        prices=OPUS,
        thinking=OPTIONAL,
        disabled_up_to_high=True,
        default_effort="high",
        forced_tools=True,
    ),
    replace(
        _sonnet,
        id="claude-sonnet-5",
        model_class="sonnet-5",
        display_name="Claude Sonnet 5",
        created_at="2026-06-30T00:00:00Z",
        prices=SONNET_5,
        thinking=OPTIONAL,
        min_cache_tokens=1_024,
        forced_tools=True,
    ),
    replace(
        _fable,
        id="claude-fable-5",
        display_name="Claude Fable 5",
        created_at="2026-06-09T00:00:00Z",
        prices=FABLE_5,
        forced_tools=True,
    ),
    replace(
        _fable,
        id="claude-mythos-5",
        model_class="mythos-5.x",
        display_name="Claude Mythos 5",
        created_at="2026-06-09T00:00:00Z",
        prices=FABLE_5,
        forced_tools=True,
    ),
    _opus_4,
    replace(
        _opus_4,
        id="claude-opus-4-7",
        display_name="Claude Opus 4.7",
        created_at="2026-04-16T00:00:00Z",
        min_cache_tokens=2_048,
        system_turns=False,
    ),
    replace(
        _opus_4,
        id="claude-opus-4-6",
        display_name="Claude Opus 4.6",
        created_at="2026-02-05T00:00:00Z",
        min_cache_tokens=4_096,
        tokenizer_factor=1.0,
        thinking=OPTIONAL | MANUAL,
        system_turns=False,
    ),
    replace(
        _opus_4,
        id="claude-sonnet-4-6",
        model_class="sonnet-4.x",
        display_name="Claude Sonnet 4.6",
        created_at="2026-02-17T00:00:00Z",
        prices=SONNET_4,
        tokenizer_factor=1.0,
        thinking=OPTIONAL | MANUAL,
        system_turns=False,
    ),
    replace(
        _older,
        id="claude-opus-4-5-20251101",
        aliases=("claude-opus-4-5",),
        display_name="Claude Opus 4.5",
        created_at="2025-11-24T00:00:00Z",
        min_cache_tokens=4_096,
        default_effort="high",
    ),
    replace(
        _older,
        id="claude-sonnet-4-5-20250929",
        aliases=("claude-sonnet-4-5",),
        model_class="sonnet-4.x",
        display_name="Claude Sonnet 4.5",
        created_at="2025-09-29T00:00:00Z",
        prices=SONNET_4,
        lifecycle="deprecated",
        deprecated_at="2026-09-30T00:00:00Z",
        retires_at="2026-11-30T00:00:00Z",
    ),
    replace(
        _older,
        id="claude-haiku-4-5-20251001",
        aliases=("claude-haiku-4-5",),
        model_class="haiku-4.5",
        display_name="Claude Haiku 4.5",
        created_at="2025-10-15T00:00:00Z",
        prices=HAIKU_4_5,
        min_cache_tokens=4_096,
    ),
    replace(
        _older,
        id="claude-3-5-haiku-20241022",
        aliases=("claude-3-5-haiku-latest",),
        model_class="haiku-3.5",
        display_name="Claude Haiku 3.5",
        created_at="2024-10-22T00:00:00Z",
        prices=HAIKU_3_5,
        lifecycle="retired",
        deprecated_at="2025-12-19T00:00:00Z",
        retires_at="2026-02-19T00:00:00Z",
    ),
)
"""Newest first, as `GET /v1/models` lists them."""

BY_NAME = {name: model for model in MODELS for name in (model.id, *model.aliases)}


def class_of(name: str) -> str:
    """Return the model class of a model id; a class's own name is returned unchanged."""
    model = BY_NAME.get(name)
    return model.model_class if model else name
