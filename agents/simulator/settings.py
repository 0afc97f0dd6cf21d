"""What can be set on the simulator, with defaults that resemble a middle tier."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from agents.simulator.faults import Fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Rates of one model class; a bucket holds `rate x burst_s`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    requests_per_minute: int = 4_000
    input_tokens_per_minute: int = 4_000_000
    output_tokens_per_minute: int = 800_000
    burst_s: float = 60.0

    def __post_init__(self) -> None:
        rates = (
            self.requests_per_minute,
            self.input_tokens_per_minute,
            self.output_tokens_per_minute,
        )
        if min(rates) <= 0 or self.burst_s <= 0:
            raise ValueError("every limit and burst_s must be above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ramp:
    """The limit on growth: a rate above `max(floor, factor x recent mean)` is turned away.

    The real curve is not published; this one only has its shape.
    """

    floor_requests_per_minute: int = 300
    factor: float = 2.0
    window_s: int = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorSettings:
    """Everything the simulator needs to start."""

    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free port."""
    limits: Limits = field(default_factory=Limits)
    limits_by_class: Mapping[str, Limits] = field(default_factory=dict)
    """By model class (`haiku-5.5`) or by any model id of the class."""
    count_tokens_per_minute: int = 4_000
    ramp: Ramp | None = None
    time_to_first_token_s: float = 0.35
    tokens_per_s: float = 80.0
    tail: float = 0.05
    """Share of replies that take several times as long."""
    schema_compile_s: float = 0.4
    """Added to the first use of an output schema."""
    time_scale: float = 1.0
    """Multiplies every simulated wait; 0 waits for nothing. Buckets always run in real time."""
    key: str = ""
    """Non-empty: any other key is a 401."""
    output_accounting: Literal["emitted", "max_tokens"] = "emitted"
    """`max_tokens` charges the maximum first and gives the rest back, as older documents say."""
    faults: tuple[Fault, ...] = ()
    ledger_limit: int = 200_000
    """Entries kept; totals are exact for ever."""
