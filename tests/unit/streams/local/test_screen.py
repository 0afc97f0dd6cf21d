from dataclasses import fields

import pytest

from agents.simulator import Totals
from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message, result_message
from streams.local.screen import Screen
from streams.local.tally import Tally
from tests.stream_builders import (
    INPUT,
    WRITTEN_AT,
    completed,
    ending,
    failed,
    origin,
    record,
)

REALTIME = WorkloadClass.REALTIME


def finished() -> Tally:
    """A demo of one result and one dead letter."""
    tally = Tally()
    for offset, expected in enumerate((None, Disposition.REFUSED)):
        tally.published(REALTIME, (INPUT, 3, offset), WRITTEN_AT, expected)
    good = result_message(record(offset=0), completed(), origin(), ending(), "results")
    tally.result(record(good.value, timestamp=WRITTEN_AT + 1.25))
    bad = dead_letter_message(
        record(b"\xff[b]", offset=1), failed(Disposition.REFUSED), origin(), "dlq", "0.1.0"
    )
    tally.dead_letter(record(bad.value, headers=bad.headers))
    return tally


def totals(**changes: int) -> Totals:
    return Totals(**dict.fromkeys((field.name for field in fields(Totals)), 0) | changes)


@pytest.fixture
def summary(capsys: pytest.CaptureFixture[str]) -> str:
    texts = {"evt-1": "my card\n is lost"}
    paid = totals(requests=9, rejected_429=2)
    Screen().summary(finished(), texts, paid, {"requests": 0.5})
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize(
    "fact",
    [
        *("1.25 s", "1 REFUSED", "requests 50%", "requests to Claude: 9, answered 429: 2"),
        *("my card is lost", '"label": "bug"', "dlq.disposition: REFUSED"),
        *("dead letter, from interactions.realtime:3:1", r"b'\xff[b]'", "headrace worker"),
    ],
)
def test_summary_tells_what_happened(summary: str, fact: str) -> None:
    assert fact in summary


def test_every_class_has_a_row(summary: str) -> None:
    counts = [line.split()[:4] for line in summary.splitlines() if "$0.0000" in line]
    assert [name for name, *_ in counts] == list(WorkloadClass)
    assert counts[0] == ["realtime", "2", "1", "1"]


def test_summary_of_nothing_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().summary(Tally(), {}, totals(), {})
    out = capsys.readouterr().out
    assert "busiest minute: none" in out
    assert "original bytes" not in out


def test_progress_is_plain_lines_on_stderr_and_not_too_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    with screen:
        screen.say("up")
        for _ in range(100):
            screen.show(finished(), {REALTIME: 2})
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["up", "settled: realtime 2/2"]
