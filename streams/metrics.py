"""The Observer that feeds Prometheus; the only importer of prometheus_client."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.alert import AlertKind
from schemas.lease import UNITS
from schemas.observation import (
    Alerted,
    Called,
    Estimated,
    Observation,
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
from schemas.workload import WorkloadClass

NANO = 1e-9
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)
# Reserved / used: below 1 a limit is in danger, above 1 capacity lies idle.
_RATIOS = (0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4)
_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


class Processor(Protocol):
    """What a runner shows of itself."""

    @property
    def name(self) -> str:
        """Its class, or `replay`."""
        ...

    @property
    def in_flight(self) -> int:
        """Records being worked on."""
        ...

    @property
    def limit(self) -> int:
        """Records that may be worked on at a time, at present."""
        ...

    @property
    def held(self) -> Mapping[str, int]:
        """Records that wait, by reason."""
        ...

    @property
    def uncommitted(self) -> int:
        """Records that the watermark has not passed."""
        ...

    @property
    def oldest_uncommitted_age_s(self) -> float:
        """Age of the oldest of them."""
        ...

    @property
    def lag(self) -> int:
        """Records that wait in Kafka."""
        ...


class Metrics:
    """All metrics of one worker."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped
        self.registry = CollectorRegistry()
        self._received = self._counter("records_received", "Records taken from Kafka.", "workload")
        self._completed = self._counter(
            "records_completed", "Records with an end.", "workload", "task", "outcome"
        )
        self._late = self._counter("records_late", "Ends after deadline_s.", "workload")
        self._dead = self._counter(
            "records_dead_lettered", "Dead letters.", "workload", "disposition"
        )
        self._retries = self._counter("retries", "Tries again.", "workload", "reason")
        self._outdated = self._counter(
            "answers_outdated", "Bought for another version of the task.", "task"
        )
        self._rejected = self._counter(
            "output_validation_failures", "Outputs not accepted.", "task", "rule"
        )
        self._requests = self._counter("claude_requests", "Requests to Claude.", "model", "status")
        self._tokens = self._counter("claude_tokens", "Tokens used.", "model", "task", "kind")
        self._cost = self._counter("claude_cost_usd", "Money spent.", "model", "task")
        self._duration = self._histogram(
            "event_duration_seconds", "From read to published.", "workload"
        )
        self._wait = self._histogram("budget_wait_seconds", "Wait for the budget.", "workload")
        self._request_duration = self._histogram(
            "claude_request_duration_seconds", "Time of one call.", "model", "workload"
        )
        self._estimates = Histogram(
            "headrace_estimate_ratio",
            "Reserved / used of one call.",
            ("task", "unit"),
            registry=self.registry,
            buckets=_RATIOS,
        )
        self._alerts = self._counter("alert_changes", "Alerts and ends.", "kind", "state")
        info = Gauge("headrace_build_info", "Version.", ["version"], registry=self.registry)
        info.labels(version).set(1)
        self._open_records = 0

    def watch(
        self,
        processors: Iterable[Processor],
        standings: Callable[[], Iterable[Standing]],
        raised: Callable[[], Mapping[AlertKind, int]] = dict,
        outages: Callable[[], Collection[str]] = tuple,
        open_letters: Callable[[], Mapping[WorkloadClass, int]] = dict,
    ) -> None:
        """Show processors, budgets, alerts, open circuits and open letters at every scrape."""
        shown = (tuple(processors), standings, raised, outages, open_letters)
        self.registry.register(_State(self, *shown))

    def render(self) -> bytes:
        """Return the Prometheus text."""
        return generate_latest(self.registry)

    def observe(self, fact: Observation) -> None:
        """Count a fact."""
        match fact:
            case Received():
                self._received.labels(fact.workload).inc()
                self._open_records += 1
            case Released() | Repeated():
                self._open_records -= 1
            case Settled():
                self._settled(fact)
            case Called():
                self._called(fact)
            case Waited() | Estimated() | Retried() | Rejected() | Outdated():
                self._noted(fact)
            case Alerted():
                self._alerts.labels(fact.alert.kind, fact.alert.state).inc()
            case _:
                pass  # budgets and circuits are read at every scrape

    def open_records(self) -> int:
        """Count the records received without an end, by the facts alone."""
        return self._open_records

    def _noted(self, fact: Waited | Estimated | Retried | Rejected | Outdated) -> None:
        match fact:
            case Outdated():
                self._outdated.labels(fact.task).inc(fact.answers)
            case Waited():
                self._wait.labels(fact.workload).observe(fact.seconds)
            case Estimated() if fact.used:  # else the ratio says nothing
                self._estimates.labels(fact.task, fact.unit).observe(fact.reserved / fact.used)
            case Retried():
                self._retries.labels(fact.workload, fact.reason).inc()
            case Rejected():
                self._rejected.labels(fact.task, fact.rule).inc()

    def _settled(self, fact: Settled) -> None:
        self._completed.labels(fact.workload, fact.task, fact.outcome).inc()
        self._duration.labels(fact.workload).observe(fact.seconds)
        self._open_records -= 1
        if fact.outcome == "dead_lettered":
            self._dead.labels(fact.workload, fact.disposition).inc()
        if fact.late:
            self._late.labels(fact.workload).inc()

    def _called(self, fact: Called) -> None:
        self._requests.labels(fact.model, fact.status).inc()
        self._request_duration.labels(fact.model, fact.workload).observe(fact.seconds)
        self._cost.labels(fact.model, fact.task).inc(fact.cost_nanousd * NANO)
        usage = fact.usage
        for kind, tokens in (
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_input_tokens),
            ("cache_creation", usage.cache_creation_input_tokens),
        ):
            if tokens:
                self._tokens.labels(fact.model, fact.task, kind).inc(tokens)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"headrace_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"headrace_{name}", text, labels, registry=self.registry, buckets=_SECONDS)


@dataclass(frozen=True, slots=True, eq=False)
class _State(Collector):
    """Gauges that are read when somebody asks."""

    metrics: Metrics
    processors: tuple[Processor, ...]
    standings: Callable[[], Iterable[Standing]]
    raised: Callable[[], Mapping[AlertKind, int]]
    outages: Callable[[], Collection[str]]
    open_letters: Callable[[], Mapping[WorkloadClass, int]]

    def collect(self) -> Iterable[Metric]:
        """Return all gauges."""
        yield from self._records()
        standings = tuple(self.standings())
        yield from _budgets(standings)
        yield from _calls(standings)
        yield _circuits(standings, self.outages())
        yield self._alerts()
        letters = _gauge("open_letters", "Dead letters nobody has dealt with.", "workload")
        for workload, count in self.open_letters().items():
            letters.add_metric([workload], count)
        yield letters

    def _records(self) -> Iterable[Metric]:
        in_flight = _gauge("inflight_records", "Records being worked on.", "workload")
        limit = _gauge("inflight_limit", "Records that may be worked on at a time.", "workload")
        held = _gauge("held_records", "Records that wait.", "workload", "reason")
        uncommitted = _gauge("uncommitted_records", "Not yet passed by a commit.", "workload")
        age = _gauge("oldest_uncommitted_age_seconds", "Age of the oldest.", "workload")
        lag = _gauge("consumer_lag_records", "Records waiting in Kafka.", "workload")
        delta = _gauge("conservation_delta", "Records that nothing accounts for; always 0.")
        lost = self.metrics.open_records()
        for processor in self.processors:
            name, waiting = processor.name, processor.held
            in_flight.add_metric([name], processor.in_flight)
            limit.add_metric([name], processor.limit)
            for reason, count in waiting.items():
                held.add_metric([name, reason], count)
            uncommitted.add_metric([name], processor.uncommitted)
            age.add_metric([name], processor.oldest_uncommitted_age_s)
            lag.add_metric([name], processor.lag)
            lost -= processor.in_flight + sum(waiting.values())
        delta.add_metric([], lost)
        yield from (in_flight, limit, held, uncommitted, age, lag, delta)

    def _alerts(self) -> Metric:
        alerts, raised = _gauge("alerts", "Alerts raised by this worker.", "kind"), self.raised()
        for kind in _KINDS:
            alerts.add_metric([kind], raised.get(kind, 0))
        return alerts


def _budgets(standings: Iterable[Standing]) -> Iterable[Metric]:
    """Show every budget at each of its models; a unit without a known limit is left out."""
    limit = _gauge("budget_limit", "Limit a minute.", "model", "unit")
    available = _gauge("budget_available", "What may be taken now.", "model", "unit")
    ratio = _gauge("budget_utilization_ratio", "Share used, last minute.", "model", "unit")
    closed = _gauge("budget_closed", "1 while nothing is granted.", "model")
    for model, standing in _by_model(standings):
        closed.add_metric([model], standing.closed_s > 0)
        for unit, most, stock, part in zip(
            UNITS, standing.limits, standing.available, standing.ratios, strict=True
        ):
            if most:
                limit.add_metric([model, unit], most)
                available.add_metric([model, unit], max(0.0, stock))
                ratio.add_metric([model, unit], part)
    return limit, available, ratio, closed


def _calls(standings: Iterable[Standing]) -> Iterable[Metric]:
    """Show what the classes use and wait for; models of one budget show the same figures."""
    used = _gauge("budget_used", "Used in the last minute.", "model", "unit", "workload")
    waiting = _gauge("budget_waiting_calls", "Calls that wait.", "workload", "model")
    for model, standing in _by_model(standings):
        for workload, amounts in standing.used_by.items():
            for unit, amount in zip(UNITS, amounts, strict=True):
                used.add_metric([model, unit, workload], amount)
        for workload, count in standing.waiting.items():
            waiting.add_metric([workload, model], count)
    return used, waiting


def _circuits(standings: Iterable[Standing], outages: Collection[str]) -> Metric:
    """Show every known model; this worker's circuits, not those of the others."""
    circuits = _gauge("circuit_open", "1 while most calls fail and records wait.", "model")
    for model in dict.fromkeys((*(model for model, _ in _by_model(standings)), *outages)):
        circuits.add_metric([model], model in outages)
    return circuits


def _by_model(standings: Iterable[Standing]) -> Iterable[tuple[str, Standing]]:
    """Return one row a model, though workers may divide models into budgets differently."""
    return {model: standing for standing in standings for model in standing.models}.items()


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"headrace_{name}", text, labels=labels)
