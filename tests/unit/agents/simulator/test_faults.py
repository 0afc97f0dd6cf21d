import random

import pytest

from agents.simulator import Fault, FaultKind
from agents.simulator.faults import REJECTIONS, FaultScript, Target


def target(
    *, text: str = "hello", model: str = "claude-haiku-5-5", streamed: bool = False, at_s: float = 0
) -> Target:
    return Target(model=model, streamed=streamed, at_s=at_s, text=lambda: text)


def script(*faults: Fault) -> FaultScript:
    return FaultScript(faults, random.Random(1))


def test_a_sticky_fault_stays() -> None:
    faults = script(Fault(FaultKind.OVERLOADED_529))
    assert all(faults.rejection(target()) for _ in range(50))


@pytest.mark.parametrize("times", [1, 3])
def test_a_counted_fault_strikes_exactly_so_often(times: int) -> None:
    faults = script(Fault(FaultKind.REFUSAL, times=times))
    assert [bool(faults.spoiling(target())) for _ in range(5)].count(True) == times


def test_faults_are_taken_in_order() -> None:
    faults = script(Fault(FaultKind.ERROR_500, times=1), Fault(FaultKind.ERROR_503, times=1))
    kinds = [found.kind for _ in range(3) if (found := faults.rejection(target()))]
    assert kinds == ["error_500", "error_503"]


def test_a_rate_is_kept_and_repeatable() -> None:
    def struck() -> list[bool]:
        faults = script(Fault(FaultKind.RATE_LIMITED, rate=0.3))
        return [faults.rejection(target()) is not None for _ in range(2_000)]

    assert struck() == struck()
    assert 500 < sum(struck()) < 700


def test_matches_text_model_and_time() -> None:
    faults = script(
        Fault(FaultKind.ERROR_500, text="poison", model="claude-opus-5", after_s=10, until_s=20)
    )
    bad = {"text": "some poison here", "model": "claude-opus-5"}
    assert faults.rejection(target(**bad, at_s=10)) is not None
    assert faults.rejection(target(**bad, at_s=9.9)) is None
    assert faults.rejection(target(**bad, at_s=20)) is None
    assert faults.rejection(target(text="poison", at_s=15)) is None
    assert faults.rejection(target(model="claude-opus-5", at_s=15)) is None


def test_a_stream_fault_waits_for_a_stream() -> None:
    faults = script(Fault(FaultKind.CUT_STREAM, times=1))
    assert faults.spoiling(target()) is None
    assert faults.spoiling(target(streamed=True)) is not None


def test_each_step_takes_only_its_own_kinds() -> None:
    faults = script(Fault(FaultKind.EMPTY, times=1), Fault(FaultKind.HTML_502, times=1))
    rejection, spoiling = faults.rejection(target()), faults.spoiling(target())
    assert rejection is not None
    assert spoiling is not None
    assert (rejection.kind, spoiling.kind) == (FaultKind.HTML_502, FaultKind.EMPTY)
    assert len(REJECTIONS) == 13
    assert FaultKind.TOO_LARGE_413 in REJECTIONS
    assert FaultKind.HANG not in REJECTIONS


def test_clearing_forgets_everything() -> None:
    faults = script(Fault(FaultKind.ERROR_500))
    faults.clear()
    assert faults.rejection(target()) is None


def test_a_kind_may_be_written_as_text() -> None:
    assert Fault("refusal").kind is FaultKind.REFUSAL  # type: ignore[arg-type] # as from JSON


@pytest.mark.parametrize("wrong", [{"rate": 1.1}, {"rate": -0.1}, {"times": 0}])
def test_wrong_numbers_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Fault(FaultKind.EMPTY, **wrong)  # type: ignore[arg-type] # wrong on purpose
