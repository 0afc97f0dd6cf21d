from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.claude.circuit import PERIODS_S, PROBE_S, SPREAD_S, Circuit, Pass

STEPS = st.sampled_from(["enter", "answer", "fail", "cut", "lives", "begun", "leave", "renew"])
moves = st.lists(st.tuples(STEPS, st.floats(0, 12), st.integers(0, 100)), max_size=200)


@given(moves=moves, seed=st.integers(0, 2**16))
def test_whatever_happens_one_probe_goes_at_a_time_and_the_next_is_not_far(
    moves: list[tuple[str, float, int]], seed: int
) -> None:
    circuit, now, out = Circuit(Random(seed)), 0.0, list[Pass]()
    probed_at = -PROBE_S
    for step, pause_s, pick in moves:
        now += pause_s
        leave = out.pop(pick % len(out)) if out and step not in ("enter", "begun") else None
        if step in ("enter", "renew"):
            before = leave is not None and circuit.is_probe(leave)
            found = circuit.enter(now, leave)
            assert found is not None or not circuit.is_closed
            if found is None:
                assert 0 < circuit.wait_s(now) <= max(*PERIODS_S, SPREAD_S) + SPREAD_S
                continue
            out.append(found)
            if circuit.is_probe(found) and not before:
                assert now - probed_at >= PROBE_S or not any(map(circuit.is_probe, out[:-1]))
                probed_at = now
        elif step == "begun" and out:
            circuit.begun(out[pick % len(out)], now)
        elif leave:
            _ends(circuit, step, leave, now)
        assert sum(map(circuit.is_probe, out)) <= 1
        assert not (circuit.is_closed and any(map(circuit.is_probe, out)))
    # However it stands: after the longest wait and a hanging probe somebody may go.
    assert circuit.enter(now + max(PERIODS_S) + PROBE_S) is not None


def _ends(circuit: Circuit, step: str, leave: Pass, now: float) -> None:
    match step:
        case "answer":
            circuit.answered(leave, now)
        case "lives":
            circuit.lives(leave, now)
        case "fail" | "cut":
            circuit.failed(leave, now, begun=step == "cut")
        case _:
            pass
    circuit.leave(leave)


# Chance alone may put six faults among the first twelve calls: once in some ten thousand starts.
@pytest.mark.parametrize("seed", range(200))
def test_one_fault_in_twenty_calls_does_not_open_it(seed: int) -> None:
    random = Random(seed)
    circuit, now = Circuit(random), 0.0
    for _ in range(500):
        now += random.expovariate(10)
        leave = circuit.enter(now)
        assert leave
        if random.random() < 0.05:
            assert not circuit.failed(leave, now)
        else:
            circuit.answered(leave, now)
