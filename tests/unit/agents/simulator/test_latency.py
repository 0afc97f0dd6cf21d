from statistics import mean, median

import pytest

from agents.simulator import SimulatorSettings
from agents.simulator.latency import Latency, Timing


def timing(latency: Latency, digest: str = "a", **changes: object) -> Timing:
    usual: dict[str, object] = {"output_tokens": 80, "cached_share": 0.0, "schema_json": b""}
    return latency.timing(digest, **{**usual, **changes})  # type: ignore[arg-type]


def totals(latency: Latency, count: int = 2_000) -> list[float]:
    timings = [timing(latency, str(number)) for number in range(count)]
    return [one.first_token_s + one.generation_s for one in timings]


def test_the_same_request_takes_the_same_time_whatever_the_order() -> None:
    first, second = Latency(SimulatorSettings(seed=7)), Latency(SimulatorSettings(seed=7))
    digests = [str(number) for number in range(50)]
    forward = {digest: timing(first, digest) for digest in digests}
    backward = {digest: timing(second, digest) for digest in reversed(digests)}
    assert forward == backward


def test_another_seed_gives_other_times() -> None:
    assert timing(Latency(SimulatorSettings(seed=1))) != timing(Latency(SimulatorSettings(seed=2)))


def test_the_median_is_first_token_plus_generation() -> None:
    assert 1.25 < median(totals(Latency(SimulatorSettings(tail=0.0)))) < 1.45


def test_the_tail_is_heavy_and_as_wide_as_set() -> None:
    plain, tailed = (
        totals(Latency(SimulatorSettings(tail=0.0))),
        totals(Latency(SimulatorSettings())),
    )
    slower = [after / before for before, after in zip(plain, tailed, strict=True) if after > before]
    assert 0.03 < len(slower) / len(plain) < 0.07
    assert min(slower) >= 2
    assert 3 < mean(slower) < 8


def test_a_cached_prompt_starts_sooner() -> None:
    latency = Latency(SimulatorSettings())
    cold, warm = timing(latency), timing(latency, cached_share=1.0)
    assert warm.first_token_s < cold.first_token_s / 2
    assert warm.generation_s == cold.generation_s


def test_only_the_first_use_of_a_schema_is_slower() -> None:
    latency = Latency(SimulatorSettings(schema_compile_s=0.5))
    first, second = (timing(latency, schema_json=b"{}") for _ in range(2))
    assert first.first_token_s - second.first_token_s == pytest.approx(0.5)


def test_time_scales() -> None:
    full, half = Latency(SimulatorSettings()), Latency(SimulatorSettings(time_scale=0.5))
    assert timing(half).generation_s == timing(full).generation_s / 2
    assert timing(Latency(SimulatorSettings(time_scale=0))) == Timing(
        first_token_s=0.0, generation_s=0.0
    )
