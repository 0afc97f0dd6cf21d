from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.dead_letter import Disposition
from schemas.observation import (
    Called,
    Closed,
    Observation,
    Received,
    Rejected,
    Released,
    Repeated,
    Retried,
    Settled,
    Waited,
)
from schemas.usage import Usage
from schemas.workload import WorkloadClass
from streams.metrics import Level, Metrics, Use

MODEL, REALTIME = "claude-haiku-5-5", WorkloadClass.REALTIME
# Section 8 of the contract: name, type, labels.
CONTRACT = {
    ("headrace_records_received_total", "counter", ("workload",)),
    ("headrace_records_completed_total", "counter", ("outcome", "task", "workload")),
    ("headrace_records_late_total", "counter", ("workload",)),
    ("headrace_records_dead_lettered_total", "counter", ("disposition", "workload")),
    ("headrace_inflight_records", "gauge", ("workload",)),
    ("headrace_held_records", "gauge", ("reason", "workload")),
    ("headrace_uncommitted_records", "gauge", ("workload",)),
    ("headrace_oldest_uncommitted_age_seconds", "gauge", ("workload",)),
    ("headrace_consumer_lag_records", "gauge", ("workload",)),
    ("headrace_event_duration_seconds", "histogram", ("workload",)),
    ("headrace_budget_limit", "gauge", ("model", "unit")),
    ("headrace_budget_available", "gauge", ("model", "unit")),
    ("headrace_budget_utilization_ratio", "gauge", ("model", "unit")),
    ("headrace_budget_wait_seconds", "histogram", ("workload",)),
    ("headrace_budget_closed", "gauge", ("model",)),
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
CALLED = Called(
    workload=REALTIME,
    task="triage",
    model=MODEL,
    status="200",
    seconds=0.5,
    usage=Usage(input_tokens=90, output_tokens=7, cache_read_input_tokens=1000),
    cost_nanousd=25_000,
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
    CALLED,
    Waited(workload=REALTIME, seconds=0.1),
    Retried(workload=REALTIME, reason="rate_limit"),
    Rejected(task="triage", rule="schema"),
    Closed(model=MODEL, seconds=30, message="429"),
]


@dataclass(slots=True)
class Shown:
    """A processor with these figures."""

    workload: WorkloadClass = REALTIME
    in_flight: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    uncommitted: int = 3
    oldest_uncommitted_age_s: float = 1.5
    lag: int = 40


LEVELS = (
    Level(unit="requests", limit=1000.0, available=250.0, used_last_minute=500.0),
    Level(unit="input_tokens", limit=None, available=0.0, used_last_minute=9.0),
)


def told(processor: Shown | None = None, uses: Mapping[str, Use] | None = None) -> Metrics:
    """Metrics that were told every fact; `uses` is what the budgets say at a scrape."""
    metrics = Metrics("0.1.0")
    budgets = {MODEL: Use(closed=False, levels=LEVELS)} if uses is None else uses
    metrics.watch([processor or Shown()], lambda: budgets)
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
    assert found["headrace_budget_utilization_ratio", MODEL, "requests"] == 0.5
    assert ("headrace_budget_limit", MODEL, "input_tokens") not in found


def test_budgets_are_read_at_every_scrape() -> None:
    uses: dict[str, Use] = {}
    metrics = told(uses=uses)
    assert ("headrace_budget_closed", MODEL) not in values(metrics)
    uses[MODEL] = Use(closed=True, levels=LEVELS)
    assert values(metrics)["headrace_budget_closed", MODEL] == 1
    assert values(metrics)["headrace_budget_limit", MODEL, "requests"] == 1000
    uses[MODEL] = Use(closed=False, levels=())
    assert values(metrics)["headrace_budget_closed", MODEL] == 0
    assert ("headrace_budget_limit", MODEL, "requests") not in values(metrics)


def test_each_model_has_a_budget_of_its_own() -> None:
    other = "claude-sonnet-5"
    found = values(
        told(uses={MODEL: Use(closed=False, levels=()), other: Use(closed=True, levels=())})
    )
    assert found["headrace_budget_closed", MODEL] == 0
    assert found["headrace_budget_closed", other] == 1


def test_word_of_a_closed_budget_closes_nothing_that_is_open() -> None:
    metrics = told()  # Closed is among the facts
    assert values(metrics)["headrace_budget_closed", MODEL] == 0


def test_state_is_read_at_every_scrape() -> None:
    processor = Shown(held={"outage": 2})
    metrics = told(processor)
    assert values(metrics)["headrace_held_records", "outage", "realtime"] == 2
    assert values(metrics)["headrace_consumer_lag_records", "realtime"] == 40
    processor.held, processor.in_flight = {}, 5
    assert ("headrace_held_records", "outage", "realtime") not in values(metrics)
    assert values(metrics)["headrace_inflight_records", "realtime"] == 5


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
