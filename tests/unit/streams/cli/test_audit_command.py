from pathlib import Path

import pytest

from schemas.problem import Problem
from streams.cli.audit import PartOfTheLetters, audit
from streams.cli.filters import WrongTime
from streams.cli.store import StoreUnseen


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "headrace.toml"
    file.write_text('[store]\nurl = "memory://"\n')
    return file


def refused(kind: type[Problem], config: Path, *, since: str | None, rebuild: bool = False) -> str:
    with pytest.raises(kind) as problem:
        audit(since=since, rebuild=rebuild, config=config)
    assert problem.value.exit_status == 2
    return str(problem.value)


def test_time_that_is_none_is_wrong_usage(config: Path) -> None:
    assert "is no time" in refused(WrongTime, config, since="yesterday")


def test_ledger_inside_a_worker_cannot_be_rebuilt(config: Path) -> None:
    said = refused(StoreUnseen, config, since=None, rebuild=True)
    assert said.startswith("a memory:// store cannot be seen")
    assert said.endswith("there is no ledger to rebuild")


def test_ledger_is_never_made_from_some_of_the_letters(config: Path) -> None:
    said = refused(PartOfTheLetters, config, since="1h", rebuild=True)
    assert said == "--rebuild needs all letters: leave out --since"
