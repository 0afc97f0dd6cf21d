import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas.alert import Alert
from schemas.dead_letter import Disposition
from schemas.lease import Unit
from schemas.observation import (
    Alerted,
    Closed,
    LimitChanged,
    OutageBegan,
    OutageEnded,
    Received,
    Settled,
)
from schemas.workload import WorkloadClass
from streams.logbook import JsonLines, Logbook, OncePerPeriod, Several, configure
from tests.fakes import Recorder

CREATED = 1_795_348_800.25


def line(text: str = "to %s", *args: object, at: float = CREATED, **more: Any) -> logging.LogRecord:  # noqa: ANN401 - fields of a log record
    plain: dict[str, Any] = {
        "name": "streams.outbox",
        "levelno": logging.WARNING,
        "levelname": "WARNING",
        "lineno": 7,
        "msg": text,
        "args": args,
        "created": at,
    }
    return logging.makeLogRecord(plain | more)


def written(record: logging.LogRecord) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(JsonLines().format(record))
    return parsed


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, as it was before."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield root
    root.setLevel(level)
    root.handlers[:] = handlers


def test_json_line_has_the_sentence_and_its_machine_keys() -> None:
    assert written(line("to %s", "batch", event="publish_failed", attempt=2)) == {
        "time": "2026-11-22T12:00:00.250+00:00",
        "level": "warning",
        "logger": "streams.outbox",
        "message": "to batch",
        "event": "publish_failed",
        "attempt": 2,
    }


def test_json_line_is_one_line_whatever_it_says() -> None:
    assert "\n" not in JsonLines().format(line("two\nlines", event=object()))


def test_exception_is_written_down() -> None:
    found = written(line("oh", exc_info=(KeyError, KeyError("lost"), None)))
    assert found["exception"].endswith("KeyError: 'lost'")


def test_line_comes_through_once_a_period_and_tells_what_was_dropped() -> None:
    sieve = OncePerPeriod(10)
    lines = [line("to %s", n, at=CREATED + second) for n, second in enumerate((0, 1, 9.9, 10, 20))]
    assert [sieve.filter(given) for given in lines] == [True, False, False, True, True]
    told = [given.getMessage() for given in lines]
    assert (told[0], told[3], told[4]) == ("to 0", "to 3 (and 2 alike)", "to 4")


@pytest.mark.parametrize(
    "other",
    [
        {"lineno": 8},
        {"name": "faust"},
        {"levelname": "ERROR"},
        {"model": "other"},
        {"unit": "requests"},
        {"alert": "7f2e"},
        {"workload": "batch"},
        {"task": "triage"},
        {"disposition": "REFUSED"},
    ],
)
def test_lines_from_elsewhere_are_not_alike(other: dict[str, Any]) -> None:
    sieve = OncePerPeriod(10)
    assert sieve.filter(line())
    assert sieve.filter(line(**other))


def test_clock_that_is_set_back_silences_nobody() -> None:
    sieve = OncePerPeriod(10)
    assert sieve.filter(line(at=CREATED))
    assert sieve.filter(line(at=CREATED - 3600))
    assert not sieve.filter(line(at=CREATED - 3599))


@pytest.mark.usefixtures("root_logger")
def test_configured_log_goes_to_stderr_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    for number in range(3):
        logging.getLogger("headrace").info("number %d", number, extra={"event": "counted"})
    logging.getLogger("aiokafka").info("very loud")
    out, err = capsys.readouterr()
    assert out == ""
    (only,) = err.splitlines()
    assert orjson.loads(only)["event"] == "counted"


@pytest.mark.usefixtures("root_logger")
def test_configured_text_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")
    logging.getLogger("headrace").warning("a sentence")
    assert capsys.readouterr().err.endswith("WARNING headrace: a sentence\n")


def test_closed_budget_becomes_a_line_and_other_facts_do_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = Logbook()
    book.observe(Received(workload=WorkloadClass.BATCH))
    book.observe(Closed(model="claude-haiku-5-5", seconds=12.0, message="429"))
    (found,) = caplog.records
    assert found.getMessage() == "no calls to claude-haiku-5-5 for 12 s: 429"
    assert found.event == "budget_closed"  # type: ignore[attr-defined] # the machine key


def alerted(**changes: Any) -> Alerted:  # noqa: ANN401 - fields of an alert
    plain: dict[str, Any] = {
        "id": "7f2e",
        "kind": "budget_use",
        "state": "raised",
        "model": "claude-haiku-5-5",
        "message": "86% of the requests are used",
        "at": datetime.fromtimestamp(CREATED, UTC),
    }
    return Alerted(alert=Alert(**plain | changes))


def test_alert_is_a_warning_and_its_end_is_good_news(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    book = Logbook()
    book.observe(alerted())
    book.observe(alerted(state="cleared", message="all is well"))
    lines = [written(found) for found in caplog.records]
    assert [line["level"] for line in lines] == ["warning", "info"]
    assert [line["message"] for line in lines] == ["86% of the requests are used", "all is well"]
    assert [line["event"] for line in lines] == ["alert_raised", "alert_cleared"]
    assert (lines[0]["alert"], lines[0]["kind"]) == ("7f2e", "budget_use")
    assert (lines[0]["model"], "unit" in lines[0]) == ("claude-haiku-5-5", False)


def test_changed_limit_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    book = Logbook()
    book.observe(LimitChanged(model="haiku", unit=Unit.REQUESTS, before=1000, now=500))
    book.observe(alerted(kind="limit_changed"))
    (found,) = caplog.records
    assert found.getMessage() == "haiku: the limit of requests a minute is 500 now, was 1,000"
    assert found.event == "limit_changed"  # type: ignore[attr-defined] # the machine key


def test_everybody_is_told() -> None:
    first, second = Recorder(), Recorder()
    fact = Received(workload=WorkloadClass.BATCH)
    Several(first, second).observe(fact)
    assert first.facts == second.facts == [fact]


def test_outage_is_one_warning_with_its_cause_and_its_end_is_good_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    book = Logbook()
    book.observe(OutageBegan(model="haiku", message="10 of the last 20 calls failed: 529"))
    book.observe(OutageEnded(model="haiku", seconds=125.4))
    began, ended = (written(found) for found in caplog.records)
    assert (began["level"], began["event"], began["model"]) == ("warning", "outage_began", "haiku")
    assert began["message"] == (
        "calls to haiku fail: 10 of the last 20 calls failed: 529. Its records wait; one call is "
        "tried every few seconds"
    )
    assert (ended["level"], ended["event"], ended["model"]) == ("info", "outage_ended", "haiku")
    assert ended["message"] == "calls to haiku are answered again after 125 s"


def settled(disposition: Disposition | None, task: str = "triage") -> Settled:
    return Settled(
        workload=WorkloadClass.BATCH, task=task, disposition=disposition, late=False, seconds=1
    )


def test_dead_letters_are_seen_and_counted_by_kind(caplog: pytest.LogCaptureFixture) -> None:
    book = Logbook()
    for task in ("triage", "triage", ""):
        book.observe(settled(Disposition.REFUSED, task))
    book.observe(settled(None))
    book.observe(settled(Disposition.REPLAY_CAP))
    lines = [written(found) for found in caplog.records]
    assert [line["message"] for line in lines] == [
        "REFUSED: dead letter of batch, task triage; 1 of this kind since the start",
        "REFUSED: dead letter of batch, task triage; 2 of this kind since the start",
        "REFUSED: dead letter of batch, task not known; 1 of this kind since the start",
        "REPLAY_CAP: parked record of batch, task triage; 1 of this kind since the start",
    ]
    first = lines[0]
    assert (first["event"], first["disposition"]) == ("dead_letter", "REFUSED")
    assert (first["workload"], first["task"]) == ("batch", "triage")
