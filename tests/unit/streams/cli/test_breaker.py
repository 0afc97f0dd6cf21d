from pathlib import Path

import orjson
import pytest

from agents.store.opening import open_store
from schemas.claim import Reset
from schemas.settings import load
from schemas.standing import Group, WorkerReport
from schemas.workload import WorkloadClass
from streams.cli.breaker import reset, status
from streams.cli.options import run
from streams.cli.store import StoreUnavailable, StoreUnseen

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "headrace.toml"
    file.write_text('[app]\nname = "shop"\n[store]\nurl = "sqlite:shop.db"\n')
    return file


def beat(config: Path, **floods: dict[WorkloadClass, int]) -> Group:
    """Let workers report their open breakers; return what they are told."""
    settings = load(config)

    async def all_of_them() -> Group:
        store = open_store(settings.store.url, settings.app.name)
        await store.start()
        for name, flood in floods.items():
            report = WorkerReport(worker=name, classes=(), budgets=(), floods=flood)
            await store.beat(report, 0)
        group = await store.group()
        await store.stop()
        return group

    return run(all_of_them())


@pytest.mark.parametrize(
    ("floods", "line"),
    [
        ({"a": {BATCH: 210}, "b": {BATCH: 4}}, "2 workers hold 214 records of batch; they go on"),
        ({"a": {BATCH: 1}, "b": {REALTIME: 9}}, "1 worker holds 1 record of batch; they go on"),
        ({"a": {BATCH: 0}}, "1 worker holds 0 records of batch; they go on"),
    ],
)
def test_reset_says_what_it_found(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    floods: dict[str, dict[WorkloadClass, int]],
    line: str,
) -> None:
    beat(config, **floods)
    reset(BATCH, config=config)
    assert capsys.readouterr().out == f"{line} within 2 s\n"
    assert beat(config).resets == {BATCH: Reset(number=1, accept=False)}


def test_accept_is_told_to_the_workers(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat(config, a={BATCH: 7})
    reset(BATCH, accept=True, config=config)
    reset(BATCH, accept=True, config=config)
    assert "hold" in (line := capsys.readouterr().out.splitlines()[0])
    assert line.endswith("they become dead letters within 2 s")
    assert beat(config).resets == {BATCH: Reset(number=2, accept=True)}


def test_reset_of_a_closed_breaker_says_so(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beat(config, a={REALTIME: 7})
    reset(BATCH, config=config)
    assert capsys.readouterr().out == "no worker reports an open breaker of class batch\n"


def test_status_is_a_line_a_class(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat(config, a={BATCH: 210}, b={BATCH: 4})
    status(config=config)
    assert capsys.readouterr().out.splitlines() == [
        "no worker reports an open breaker of class realtime",
        "no worker reports an open breaker of class interactive",
        "no worker reports an open breaker of class transactional",
        "2 workers hold 214 records of batch",
    ]
    status(as_json=True, config=config)
    rows = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"class": "realtime", "open": False, "workers": 0, "held": 0}
    assert rows[3] == {"class": "batch", "open": True, "workers": 2, "held": 214}


def test_who_only_looks_makes_no_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status(config=config)
    assert len(capsys.readouterr().out.splitlines()) == len(WorkloadClass)
    assert not config.with_name("shop.db").exists()


def test_store_inside_a_worker_is_one_line(config: Path) -> None:
    config.write_text('[store]\nurl = "memory://"\n')
    for command in (lambda: reset(BATCH, config=config), lambda: status(config=config)):
        with pytest.raises(StoreUnseen, match=r"^a memory:// store .* restart it to close") as seen:
            command()
        assert seen.value.exit_status == 2


def test_absent_store_is_one_line(config: Path) -> None:
    config.write_text('[store]\nurl = "sqlite:no/such/folder/shop.db"\n')
    with pytest.raises(StoreUnavailable, match=r"check \[store\] url") as caught:
        reset(BATCH, config=config)
    assert caught.value.exit_status == 1
