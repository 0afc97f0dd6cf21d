from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.cli.filters import WrongTime, filtered
from streams.replay.letters import Filter


def given(*arguments: str) -> Filter:
    """What a command gets for these arguments. Raises what the command raises."""
    got: list[Filter] = []
    app = typer.Typer()

    @app.command()
    @filtered
    def ls(wanted: Filter, limit: int = 0) -> None:
        assert limit == (3 if "--limit" in arguments else 0)
        got.append(wanted)

    found = CliRunner().invoke(app, list(arguments))
    if found.exception:
        raise found.exception
    return got[0]


def test_no_option_filters_nothing() -> None:
    assert given() == Filter()


def test_every_option_reaches_the_filter() -> None:
    wanted = given(
        *("--class", "batch", "--disposition", "REFUSED", "--task", "review"),
        *("--error", "Stopped", "--key", "doc-1", "--id", "evt-1", "--limit", "3"),
    )
    assert wanted == Filter(
        workload=WorkloadClass.BATCH,
        disposition=Disposition.REFUSED,
        task="review",
        error="Stopped",
        key="doc-1",
        id="evt-1",
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22T12:00:00Z", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22T13:00:00+01:00", datetime(2026, 11, 22, 12, tzinfo=UTC)),
    ],
)
def test_times_are_rfc_3339(text: str, time: datetime) -> None:
    assert given("--since", text, "--until", text) == Filter(since=time, until=time)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("0s", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_times_may_be_so_long_ago(text: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    since = given("--since", text).since
    assert since is not None
    assert before - ago <= since <= datetime.now(UTC) - ago


@pytest.mark.parametrize(
    "text", ["", "yesterday", "15", "m", "-5m", "1.5h", "2026-13-01T00:00:00Z", "9" * 12 + "d"]
)
def test_what_is_no_time_is_one_clear_line(text: str) -> None:
    with pytest.raises(WrongTime, match="is no time") as problem:
        given("--since", text)
    assert problem.value.exit_status == 2


def test_number_without_end_is_no_time_either() -> None:
    with pytest.raises(WrongTime, match="is no time"):
        given("--until", "9" * 5000 + "s")


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T12:00:00"])
def test_time_without_a_zone_says_what_to_add(text: str) -> None:
    with pytest.raises(WrongTime, match="add Z or an offset"):
        given("--until", text)


@pytest.mark.parametrize("wrong", [("--class", "nightly"), ("--disposition", "refused")])
def test_unknown_choice_is_wrong_usage(wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        given(*wrong)
    assert leaving.value.code == 2
