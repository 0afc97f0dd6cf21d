from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.alert import Alert
from schemas.dead_letter import Disposition
from schemas.lease import Unit
from schemas.observation import (
    Alerted,
    Called,
    Closed,
    Estimated,
    LimitChanged,
    Observation,
    OutageBegan,
    OutageEnded,
    Outdated,
    Received,
    Rejected,
    Released,
    Repeated,
    Retried,
    Settled,
    Waited,
)
from schemas.standing import Standing
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from streams.metrics import Metrics
from tests.standing_builders import BATCH, standing

MODEL, REALTIME = "claude-haiku-5-5", WorkloadClass.REALTIME
# Section 8 of the contract: name, type, labels.
CONTRACT = {
    ("headrace_records_received_total", "counter", ("workload",)),
    ("headrace_records_completed_total", "counter", ("outcome", "task", "workload")),
    ("headrace_records_late_total", "counter", ("workload",)),
    ("headrace_records_dead_lettered_total", "counter", ("disposition", "workload")),
    ("headrace_inflight_records", "gauge", ("workload",)),
    ("headrace_inflight_limit", "gauge", ("workload",)),
    ("headrace_held_records", "gauge", ("reason", "workload")),
    ("headrace_uncommitted_records", "gauge", ("workload",)),
    ("headrace_oldest_uncommitted_age_seconds", "gauge", ("workload",)),
    ("headrace_consumer_lag_records", "gauge", ("workload",)),
    ("headrace_event_duration_seconds", "histogram", ("workload",)),
    ("headrace_budget_limit", "gauge", ("model", "unit")),
    ("headrace_budget_available", "gauge", ("model", "unit")),
    ("headrace_budget_utilization_ratio", "gauge", ("model", "unit")),
    ("headrace_budget_used", "gauge", ("model", "unit", "workload")),
    ("headrace_budget_waiting_calls", "gauge", ("model", "workload")),
    ("headrace_budget_wait_seconds", "histogram", ("workload",)),
    ("headrace_budget_closed", "gauge", ("model",)),
    ("headrace_estimate_ratio", "histogram", ("task", "unit")),
    ("headrace_circuit_open", "gauge", ("model",)),
    ("headrace_open_letters", "gauge", ("workload",)),
    ("headrace_alerts", "gauge", ("kind",)),
    ("headrace_alert_changes_total", "counter", ("kind", "state")),
    ("headrace_answers_outdated_total", "counter", ("task",)),
    ("headrace_claude_requests_total", "counter", ("model", "status")),
    ("headrace_claude_request_duration_seconds", "histogram", ("model", "workload")),
    ("headrace_claude_tokens_total", "counter", ("kind", "model", "task")),
    ("headrace_claude_cost_usd_total", "counter", ("model", "task")),
    ("headrace_retries_total", "counter", ("reason", "workload")),
    ("headrace_output_validation_failures_total", "counter", ("rule", "task")),
    ("headrace_conservation_delta", "gauge", ()),
    ("headrace_build_info", "gauge", ("version",)),
}
SETTLED = Settled(workload=REALTIME, task="triage", disposition=None, late=True, seconds=0.02)
LETTER = Settled(
    workload=REALTIME, task="", disposition=Disposition.REFUSED, late=False, seconds=0.02
)
PARKED = Settled(
    workload=BATCH, task="extract", disposition=Disposition.REPLAY_CAP, late=False, seconds=1
)
CALLED = Called(
    workload=REALTIME,
    task="triage",
    model=MODEL,
    status="200",
    seconds=0.5,
    usage=Usage(input_tokens=90, output_tokens=7, cache_read_input_tokens=1000),
    cost_nanousd=25_000,
)
RAISED = Alert(
    id="a", kind="store", state="raised", message="away", at=datetime.fromtimestamp(0, UTC)
)
EVERY_FACT: list[Observation] = [
    Received(workload=REALTIME),
    Released(workload=REALTIME),
    Received(workload=REALTIME),
    Repeated(workload=REALTIME),
    Received(workload=REALTIME),
    SETTLED,
    Received(workload=REALTIME),
    LETTER,
    Received(workload=BATCH),
    PARKED,
    CALLED,
    Waited(workload=REALTIME, seconds=0.1),
    Retried(workload=REALTIME, reason="rate_limit"),
    Rejected(task="triage", rule="schema"),
    Outdated(workload=REALTIME, task="triage", answers=2),
    Closed(model=MODEL, seconds=30, message="429"),
    OutageBegan(model=MODEL, message="529"),
    OutageEnded(model=MODEL, seconds=9),
    LimitChanged(model=MODEL, unit=Unit.REQUESTS, before=1000, now=500),
    Estimated(task="triage", model=MODEL, unit=Unit.OUTPUT_TOKENS, reserved=30, used=20),
    Estimated(task="triage", model=MODEL, unit=Unit.OUTPUT_TOKENS, reserved=30, used=0),
    Alerted(alert=RAISED),
]


@dataclass(slots=True)
class Shown:
    """A processor with these figures."""

    name: str = "realtime"
    in_flight: int = 0
    limit: int = 64
    held: Mapping[str, int] = field(default_factory=dict)
    uncommitted: int = 3
    oldest_uncommitted_age_s: float = 1.5
    lag: int = 40


USED = [500.0, 9.0, 0.0]
STANDING = standing(
    limits=[1000.0, 0.0, 400.0],
    available=[250.0, 0.0, -7.0],
    used=USED,
    used_by={BATCH: USED},
    waiting={BATCH: 3},
)


def told(processor: Shown | None = None, budgets: Iterable[Standing] = (STANDING,)) -> Metrics:
    """Metrics that were told every fact; `budgets` are what a scrape finds."""
    metrics = Metrics("0.1.0")
    metrics.watch(
        [processor or Shown()],
        lambda: budgets,
        lambda: {"store": 1},
        lambda: ("claude-opus-5",),
        lambda: {BATCH: 12},
    )
    for fact in EVERY_FACT:
        metrics.observe(fact)
    return metrics


def values(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by name and label values in the order of label names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_names_types_and_labels_are_those_of_the_contract() -> None:
    metrics = told(Shown(held={"outage": 1}))
    found = set()
    for family in text_string_to_metric_families(metrics.render().decode()):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        total = "_total" if family.type == "counter" else ""
        found.add((f"{family.name}{total}", family.type, tuple(sorted(labels))))
    assert found == CONTRACT


def test_ends_are_counted_by_class_task_and_outcome() -> None:
    found = values(told())
    assert found["headrace_records_received_total", "realtime"] == 4
    assert found["headrace_records_completed_total", "completed", "triage", "realtime"] == 1
    assert found["headrace_records_completed_total", "dead_lettered", "", "realtime"] == 1
    assert found["headrace_records_dead_lettered_total", "REFUSED", "realtime"] == 1
    assert found["headrace_records_late_total", "realtime"] == 1
    assert found["headrace_event_duration_seconds_count", "realtime"] == 2


def test_parked_records_are_no_dead_letters() -> None:
    found = values(told())
    assert found["headrace_records_completed_total", "parked", "extract", "batch"] == 1
    assert ("headrace_records_dead_lettered_total", "REPLAY_CAP", "batch") not in found


def test_open_letters_are_those_of_the_group() -> None:
    assert values(told())["headrace_open_letters", "batch"] == 12


def test_circuit_of_every_model_is_shown() -> None:
    found = values(told())
    assert found["headrace_circuit_open", "claude-opus-5"] == 1
    assert found["headrace_circuit_open", MODEL] == 0


def test_calls_are_counted_in_tokens_dollars_and_seconds() -> None:
    found = values(told())
    assert found["headrace_claude_requests_total", MODEL, "200"] == 1
    assert found["headrace_claude_tokens_total", "input", MODEL, "triage"] == 90
    assert found["headrace_claude_tokens_total", "output", MODEL, "triage"] == 7
    assert found["headrace_claude_tokens_total", "cache_read", MODEL, "triage"] == 1000
    assert ("headrace_claude_tokens_total", "cache_creation", MODEL, "triage") not in found
    assert found["headrace_claude_cost_usd_total", MODEL, "triage"] == pytest.approx(25e-6)
    assert found["headrace_claude_request_duration_seconds_sum", MODEL, "realtime"] == 0.5


def test_budget_shows_each_unit_that_has_a_limit() -> None:
    found = values(told())
    assert found["headrace_budget_limit", MODEL, "requests"] == 1000
    assert found["headrace_budget_available", MODEL, "requests"] == 250
    assert found["headrace_budget_available", MODEL, "output_tokens"] == 0  # a debt is no stock
    assert found["headrace_budget_utilization_ratio", MODEL, "requests"] == 0.5
    assert ("headrace_budget_limit", MODEL, "input_tokens") not in found


def test_budget_shows_what_classes_use_and_wait_for() -> None:
    found = values(told())
    assert found["headrace_budget_used", MODEL, "requests", "batch"] == 500
    assert found["headrace_budget_used", MODEL, "input_tokens", "batch"] == 9
    assert found["headrace_budget_waiting_calls", MODEL, "batch"] == 3


def test_budgets_are_read_at_every_scrape() -> None:
    budgets: list[Standing] = []
    metrics = told(budgets=budgets)
    assert ("headrace_budget_closed", MODEL) not in values(metrics)
    budgets.append(standing(closed_s=3.0, closed_for="rate_limit"))
    assert values(metrics)["headrace_budget_closed", MODEL] == 1
    assert values(metrics)["headrace_budget_limit", MODEL, "requests"] == 1000
    budgets[:] = [standing(limits=[0.0] * 3)]
    assert values(metrics)["headrace_budget_closed", MODEL] == 0
    assert ("headrace_budget_limit", MODEL, "requests") not in values(metrics)


def test_each_model_of_a_budget_has_a_row() -> None:
    shared = standing(models=("haiku", "sonnet"), closed_s=1.0)
    found = values(told(budgets=[shared, STANDING]))
    assert found["headrace_budget_closed", "haiku"] == found["headrace_budget_closed", "sonnet"]
    assert found["headrace_budget_closed", MODEL] == 0


def test_model_in_two_budgets_has_one_row() -> None:
    other = standing(budget="both", models=(MODEL, "sonnet"))
    text = told(budgets=[STANDING, other]).render().decode()
    assert text.count(f'headrace_budget_closed{{model="{MODEL}"}}') == 1


def test_word_of_a_closed_budget_closes_nothing_that_is_open() -> None:
    metrics = told()  # Closed is among the facts
    assert values(metrics)["headrace_budget_closed", MODEL] == 0


def test_estimates_are_measured_against_use() -> None:
    found = values(told())
    assert found["headrace_estimate_ratio_sum", "triage", "output_tokens"] == 1.5
    assert found["headrace_estimate_ratio_count", "triage", "output_tokens"] == 1


def test_alerts_are_counted_and_shown_while_they_are_raised() -> None:
    found = values(told())
    assert found["headrace_alert_changes_total", "store", "raised"] == 1
    assert (found["headrace_alerts", "store"], found["headrace_alerts", "spend"]) == (1, 0)


def test_state_is_read_at_every_scrape() -> None:
    processor = Shown(held={"outage": 2})
    metrics = told(processor)
    assert values(metrics)["headrace_held_records", "outage", "realtime"] == 2
    assert values(metrics)["headrace_consumer_lag_records", "realtime"] == 40
    assert values(metrics)["headrace_inflight_limit", "realtime"] == 64
    processor.held, processor.in_flight, processor.limit = {}, 5, 80
    assert ("headrace_held_records", "outage", "realtime") not in values(metrics)
    assert values(metrics)["headrace_inflight_records", "realtime"] == 5
    assert values(metrics)["headrace_inflight_limit", "realtime"] == 80


@pytest.mark.parametrize(
    ("in_flight", "held", "delta"),
    [(2, {}, 0), (1, {"outage": 1}, 0), (0, {"outage": 1, "retry": 1}, 0), (1, {}, 1), (3, {}, -1)],
)
def test_conservation_is_what_was_received_and_is_nowhere(
    in_flight: int, held: dict[str, int], delta: int
) -> None:
    metrics = told(Shown(in_flight=in_flight, held=held))
    for _ in range(2):
        metrics.observe(Received(workload=REALTIME))
    assert values(metrics)["headrace_conservation_delta",] == delta


def test_version_is_shown() -> None:
    assert values(Metrics("0.1.0"))["headrace_build_info", "0.1.0"] == 1
