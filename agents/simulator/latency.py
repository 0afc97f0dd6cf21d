"""How long a reply takes: the same request takes the same time in every run."""

from dataclasses import dataclass
from hashlib import blake2b
from math import exp
from statistics import NormalDist

from agents.simulator.settings import SimulatorSettings

NOISE = 0.25
"""Spread of the usual case, as the sigma of a lognormal."""
TAIL_SHAPE = 1.5
TAIL_LOWEST = 2.0
TAIL_HIGHEST = 12.0
"""A reply in the tail takes so many times as long."""
CACHED_SHARE = 0.6
"""How much of the time to the first token a fully cached prompt saves."""
SMALLEST = 1e-9

_normal = NormalDist()


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Seconds from admission."""

    first_token_s: float
    generation_s: float


class Latency:
    """The latency model; it remembers which schemas are compiled."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._compiled: set[bytes] = set()

    def timing(
        self, digest: str, *, output_tokens: int, cached_share: float, schema_json: bytes
    ) -> Timing:
        """Draw the timing of one reply; noise depends on the seed and the body's digest only."""
        settings = self._settings
        if settings.time_scale == 0:
            return Timing(first_token_s=0.0, generation_s=0.0)
        slow = settings.time_scale * self._noise(digest)
        first_s = settings.time_to_first_token_s * (1 - CACHED_SHARE * cached_share)
        compile_s = self._compile_s(schema_json) * settings.time_scale
        return Timing(
            first_token_s=first_s * slow + compile_s,
            generation_s=output_tokens / settings.tokens_per_s * slow,
        )

    def _noise(self, digest: str) -> float:
        usual, is_tail, how_far = draws(self._settings.seed, digest)
        factor = exp(NOISE * _normal.inv_cdf(usual))
        if is_tail < self._settings.tail:
            factor *= min(TAIL_LOWEST * (1 - how_far) ** (-1 / TAIL_SHAPE), TAIL_HIGHEST)
        return factor

    def _compile_s(self, schema_json: bytes) -> float:
        if not schema_json or schema_json in self._compiled:
            return 0.0
        self._compiled.add(schema_json)
        return self._settings.schema_compile_s


def draws(seed: int, digest: str) -> tuple[float, float, float]:
    """Return three numbers between 0 and 1 that depend on nothing but seed and digest."""
    raw = blake2b(f"{seed}:{digest}".encode(errors="replace"), digest_size=24).digest()
    first, second, third = (
        int.from_bytes(raw[start : start + 8], "big") / 2**64 for start in (0, 8, 16)
    )
    return min(max(first, SMALLEST), 1 - SMALLEST), second, min(third, 1 - SMALLEST)
