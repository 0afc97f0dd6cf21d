import math
from typing import Any

import pytest

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.audit.commits import Commits
from streams.audit.logs import Logs
from streams.audit.retention import Retention
from streams.audit.survey import MARGIN_S, Survey
from streams.browsing import Span
from tests.builders import changed

NOW, DAY_S = 1_000_000.0, 86_400.0
REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
LOGS = Logs(Settings())
WHOLE, CUT = Span(kept=0, start=0, end=9), Span(kept=4, start=4, end=9)
BY_TIME = {"retention.ms": "86400000", "retention.bytes": "-1", "cleanup.policy": "delete"}


def retention(**changes: str) -> Retention:
    given = {name.replace("_", "."): value for name, value in changes.items()}
    return Retention.of(BY_TIME | given)


def survey(**changes: Any) -> Survey:  # noqa: ANN401 - any field of a survey
    topics = LOGS.ends | LOGS.replays
    plain = Survey(
        since=None,
        commits=Commits({}, {}),
        inputs={(topic, 0): WHOLE for topic in LOGS.inputs},
        ends={(topic, 0): WHOLE for topic in topics},
        retentions=dict.fromkeys(topics, retention()),
    )
    return changed(plain, changes)


@pytest.mark.parametrize(
    ("config", "span", "since"),
    [
        ({}, WHOLE, -math.inf),
        ({}, CUT, NOW - DAY_S),
        ({}, Span(kept=4, start=6, end=9), -math.inf),
        ({}, Span(kept=4, start=4, end=4), NOW - DAY_S),
        ({"retention_ms": "-1"}, CUT, -math.inf),
        ({"retention_bytes": "1000"}, CUT, 7.0),
        ({"retention_bytes": "1000"}, WHOLE, -math.inf),
        ({"cleanup_policy": "compact,delete"}, WHOLE, math.inf),
    ],
)
def test_a_log_has_everything_since(config: dict[str, str], span: Span, since: float) -> None:
    assert retention(**config).complete_since(span, 7.0, NOW) == since


def test_memory_of_a_class_is_that_of_its_shortest_log() -> None:
    cut = {(topic, 0): CUT for topic, workload in LOGS.letters.items() if workload is REALTIME}
    found = survey(ends={**survey().ends, **cut})
    memory = found.memory(LOGS, REALTIME, {}, NOW)
    assert (memory.ends, memory.replays) == (NOW - DAY_S, -math.inf)
    assert found.memory(LOGS, BATCH, {}, NOW).ends == -math.inf


def test_memory_of_replays_is_its_own() -> None:
    cut = {(topic, 0): CUT for topic in LOGS.replays}
    memory = survey(ends={**survey().ends, **cut}).memory(LOGS, BATCH, {}, NOW)
    assert (memory.ends, memory.replays) == (-math.inf, NOW - DAY_S)


def test_all_inputs_are_meant_even_those_without_a_time() -> None:
    found = survey()
    assert found.asks_for(-0.001)
    assert (found.inputs_since, found.ends_since) == (0.0, 0.0)
    assert not found.is_older("interactions.realtime", 0, 0)


def test_since_bounds_the_inputs_and_leaves_ends_a_margin() -> None:
    spans = {("interactions.realtime", 0): Span(kept=0, start=5, end=9)}
    found = survey(since=NOW, inputs=spans)
    assert (found.asks_for(NOW), found.asks_for(NOW - 0.001)) == (True, False)
    assert (found.inputs_since, found.ends_since) == (NOW, NOW - MARGIN_S)
    assert found.is_older("interactions.realtime", 0, 4)
    assert not found.is_older("interactions.realtime", 0, 5)
    assert not found.is_older("somewhere.else", 0, 4)
    assert survey(since=60.0).ends_since == 0.0


@pytest.mark.parametrize(
    ("committed", "offset", "passed"),
    [(5, 4, True), (5, 5, False), (9, 8, True), (10, 3, False), (0, 0, False)],
)
def test_a_commit_beyond_the_end_is_of_a_topic_made_anew(
    committed: int, offset: int, *, passed: bool
) -> None:
    commits = Commits({("in", 0): committed, ("gone", 0): 7}, {("in", 0): WHOLE})
    assert commits.has_passed("in", 0, offset) is passed
    assert not commits.has_passed("in", 1, 0)
    assert not commits.has_passed("gone", 0, 0)
