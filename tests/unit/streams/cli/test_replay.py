from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.dlq import app
from streams.cli.replay import WrongUse


def problem_of(arguments: Sequence[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the one line that a wrong use is told."""
    monkeypatch.chdir(folder)
    found = CliRunner().invoke(app, list(arguments))
    assert isinstance(found.exception, WrongUse), found.output
    assert found.exception.exit_status == 2
    return str(found.exception)


@pytest.mark.parametrize("arguments", [(), ("--limit", "3")])
def test_resolve_needs_a_filter_or_all(
    arguments: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("resolve", "--reason", "old", *arguments)
    assert "or --all" in problem_of(given, tmp_path, monkeypatch)


def test_resolve_needs_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("resolve", "--reason", "  ", "--all")
    assert "say something" in problem_of(given, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "more", [("--task", "triage"), ("--limit", "3"), ("--to-origin",), ("--ignore-expiry",)]
)
def test_resume_takes_no_filter(
    more: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("replay", "--resume", "ab12", *more)
    assert "job's own filter" in problem_of(given, tmp_path, monkeypatch)


@pytest.mark.parametrize("rate", ["0", "-1", "fast"])
def test_rate_is_a_positive_number(rate: str) -> None:
    assert CliRunner().invoke(app, ["replay", "--rate", rate]).exit_code == 2


def test_help_tells_the_default_rate() -> None:
    shown = CliRunner().invoke(app, ["replay", "--help"], env={"COLUMNS": "200"}).output
    assert "100 unless given" in shown
