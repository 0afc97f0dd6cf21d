"""What the reading does with records, without a broker."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.audit.auditing import Reading
from streams.audit.commits import Commits
from streams.audit.join import Join
from streams.audit.logs import Logs
from streams.audit.report import Report
from streams.audit.retention import Retention
from streams.audit.survey import Survey
from streams.browsing import Span
from tests.stream_builders import INPUT, WRITTEN_AT, record

LOGS = Logs(Settings())
RESULTS = "results.realtime"
FOREVER = Retention(seconds=1e9, by_size=False, compacts=False)


def survey(since: float | None = None, start: int = 0) -> Survey:
    ends = {(topic, 0): Span(kept=0, start=0, end=9) for topic in LOGS.ends | LOGS.replays}
    inputs = {(INPUT, 3): Span(kept=0, start=start, end=50)}
    return Survey(
        since=since,
        commits=Commits({(INPUT, 3): 45}, inputs),
        inputs=inputs,
        ends=ends,
        retentions=dict.fromkeys(LOGS.ends | LOGS.replays, FOREVER),
    )


@pytest.fixture
def join() -> Iterator[Join]:
    with Join.opened() as made:
        yield made


def report(join: Join, found: Survey, *records: Any) -> Report:  # noqa: ANN401 - Record
    reading = Reading(LOGS, join, found)
    for one in records:
        reading.take(one)
    return reading.judged(None, WRITTEN_AT)


def result(offset: int) -> Any:  # noqa: ANN401 - Record
    body = {"source": {"topic": INPUT, "partition": 3, "offset": offset}}
    return record(orjson.dumps(body), topic=RESULTS, partition=0)


def test_inputs_are_judged_by_their_ends_and_by_the_commit(join: Join) -> None:
    made = report(join, survey(), result(41), *(record(offset=n) for n in (41, 42, 45)))
    assert made.by_class[WorkloadClass.REALTIME]["inputs"] == 3
    assert (made.total("results"), made.total("waiting")) == (1, 1)
    assert made.missing == [f"{INPUT}[3]@42"]


def test_ends_without_an_input_or_a_source_are_unknown(join: Join) -> None:
    nameless = record(b"{}", topic=RESULTS, partition=0)
    made = report(join, survey(), result(7), result(7), nameless)
    assert (made.unknown, made.is_clean) == (2, True)


def test_ends_of_inputs_that_were_not_asked_for_are_not_unknown(join: Join) -> None:
    made = report(join, survey(WRITTEN_AT, start=40), result(39), result(46))
    assert made.unknown == 1


def test_older_input_among_the_younger_is_left_out(join: Join) -> None:
    old, new = record(offset=41, timestamp=WRITTEN_AT - 1), record(offset=42)
    made = report(join, survey(WRITTEN_AT, start=40), old, new, result(41), result(42))
    assert (made.total("inputs"), made.total("results"), made.unknown) == (1, 1, 0)
