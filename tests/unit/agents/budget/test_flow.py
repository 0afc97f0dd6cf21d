import pytest

from agents.budget.flow import FLOOR, START, Flow
from schemas.lease import Amounts, nothing
from schemas.workload import WorkloadClass

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
UNLIMITED: Amounts = [0.0, 0.0, 0.0]
USED: Amounts = [1.0, 1000.0, 100.0]
WIDE: Amounts = [6000.0, 0.0, 0.0]  # a hundred calls a second


def learned(seconds: float = 1.0, used: Amounts = USED, calls: int = 40) -> Flow:
    """A flow that has seen so many equal calls of realtime to model `m`."""
    flow = Flow()
    for _ in range(calls):
        flow.learn(REALTIME, "m", seconds, used)
    return flow


def limit(
    flow: Flow,
    limits: Amounts,
    workload: WorkloadClass = REALTIME,
    stock: Amounts = [0.0, 0.0, 0.0],  # noqa: B006 - never changed
) -> int:
    return flow.limit(workload, lambda _: (limits, stock))


def test_stock_that_may_be_spent_at_once_is_worth_calls_as_well() -> None:
    flow = learned(seconds=2)
    rate = limit(flow, [6000.0, 0.0, 0.0])
    assert limit(flow, [6000.0, 0.0, 0.0], stock=[500.0, 0.0, 0.0]) == rate + 500
    assert limit(flow, [6000.0, 0.0, 0.0], stock=[-500.0, 0.0, 0.0]) == rate


def test_limit_is_rate_times_latency_with_half_as_much_again_and_a_second_more() -> None:
    assert limit(learned(seconds=2), WIDE) == 100 * (1.5 * 2 + 1)


@pytest.mark.parametrize(
    ("limits", "calls_a_second"),
    [
        ([6000.0, 60e6, 60e6], 100),
        ([6000.0, 3e6, 60e6], 50),
        ([6000.0, 3e6, 0.12e6], 20),
        ([0.0, 3e6, 0.0], 50),
    ],
)
def test_scarcest_unit_counts(limits: Amounts, calls_a_second: int) -> None:
    assert limit(learned(), limits) == calls_a_second * 2.5


def test_unit_that_calls_do_not_use_limits_nothing() -> None:
    flow = learned(used=[1.0, 0.0, 100.0])
    assert limit(flow, [6000.0, 1.0, 0.0]) == limit(flow, [6000.0, 0.0, 0.0])


def test_changed_limits_act_at_once() -> None:
    flow = learned()
    assert [limit(flow, [rpm, 0.0, 0.0]) for rpm in (6000.0, 3000.0, 12_000.0)] == [250, 125, 500]


def test_small_budget_keeps_its_floor() -> None:
    assert limit(learned(), [1.0, 0.0, 0.0]) == FLOOR


def test_models_of_a_class_add_up_and_classes_do_not() -> None:
    flow = learned()
    flow.learn(REALTIME, "other", 3.0, USED)
    flow.learn(BATCH, "m", 100.0, USED)
    limits = {"m": [6000.0, 0.0, 0.0], "other": [600.0, 0.0, 0.0]}
    assert flow.limit(REALTIME, lambda model: (limits[model], nothing())) == 250 + 55


def test_nothing_known_is_a_modest_start() -> None:
    assert limit(Flow(), WIDE) == START
    assert limit(learned(), WIDE, BATCH) == START


def test_without_a_limit_every_answer_adds_one() -> None:
    assert [limit(learned(calls=n), UNLIMITED) for n in (1, 16, 48)] == [17, 32, 64]


def test_first_calls_go_by_their_estimate_until_one_is_answered() -> None:
    flow = Flow()
    flow.expect(REALTIME, "m", [1.0, 1000.0, 500.0])
    assert limit(flow, [6000.0, 0.0, 0.0]) == 400
    assert limit(flow, [6000.0, 0.0, 60_000.0]) == FLOOR
    assert limit(flow, UNLIMITED) == START
    flow.learn(REALTIME, "m", 1.0, USED)
    flow.expect(REALTIME, "m", [1.0, 1000.0, 500.0])
    assert limit(flow, [6000.0, 0.0, 60_000.0]) == 25


def test_refused_call_teaches_nothing() -> None:
    flow = learned()
    flow.learn(REALTIME, "m", 0.01, [0.0, 0.0, 0.0])
    assert limit(flow, WIDE) == 250


def test_tenfold_latency_is_allowed_for_within_twenty_calls() -> None:
    flow = learned()
    for _ in range(20):
        flow.learn(REALTIME, "m", 10.0, USED)
    assert limit(flow, WIDE) >= 100 * 10
    for _ in range(100):
        flow.learn(REALTIME, "m", 1.0, USED)
    assert limit(flow, WIDE) < 260


def test_flow_says_what_it_has_learned() -> None:
    assert repr(learned(seconds=0.25)) == "Flow(realtime m 0.25 s)"
