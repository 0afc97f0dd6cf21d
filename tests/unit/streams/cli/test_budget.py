import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.store.opening import open_store
from schemas.settings import load
from schemas.standing import Group
from streams.cli.budget import budget
from streams.cli.options import run
from streams.cli.store import StoreUnavailable
from tests.builders import MODEL
from tests.command import HEADRACE
from tests.standing_builders import BATCH, REALTIME, group, report

CONFIG = f"""
[app]
name = "shop"
[store]
url = "sqlite:shop.db"
[budget]
max_usd_per_day = 10
[[budget.limits]]
models = ["{MODEL}"]
requests_per_minute = 1000
output_tokens_per_minute = 400000
"""
BUSY = report(
    used={BATCH: [710.0, 9.0, 0.0], REALTIME: [90.0, 0.0, 0.0]},
    waiting={BATCH: 3, REALTIME: 0},
    in_flight=5,
    closed_s=40.0,
    closed_for="rate_limit",
)
BOUND_S = 60.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "headrace.toml"
    file.write_text(CONFIG)
    return file


def beat(config: Path, told: Group) -> None:
    """Let the workers of a group show that they live."""
    settings = load(config)

    async def all_of_them() -> None:
        store = open_store(settings.store.url, settings.app.name)
        await store.start()
        for worker in told.workers.values():
            await store.beat(worker, told.spent_nanousd)
        await store.stop()

    run(all_of_them())


def rows(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text.splitlines()]


def test_snapshot_is_one_object_a_budget(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat(config, group(1_230_000_000, a=BUSY))
    budget(as_json=True, config=config)
    out, err = capsys.readouterr()
    assert err == ""
    assert rows(out) == [
        {
            "models": [MODEL],
            "workers": 1,
            "closed_s": 40.0,
            "closed_for": "rate_limit",
            "waiting": {"realtime": 0, "batch": 3},
            "in_flight": 5,
            "units": {
                "requests": {
                    "limit": 1000.0,
                    "used": 800.0,
                    "available": 10.0,
                    "ratio": 0.8,
                    "by_class": {"realtime": 90.0, "batch": 710.0},
                },
                "input_tokens": {
                    "limit": 2_000_000.0,
                    "used": 9.0,
                    "available": 20_000.0,
                    "ratio": 4.5e-06,
                    "by_class": {"realtime": 0.0, "batch": 9.0},
                },
                "output_tokens": {
                    "limit": 400_000.0,
                    "used": 0.0,
                    "available": 4000.0,
                    "ratio": 0.0,
                    "by_class": {"realtime": 0.0, "batch": 0.0},
                },
            },
            "spent_usd_today": 1.23,
            "max_usd_per_day": 10.0,
        }
    ]


def test_without_a_terminal_it_is_the_same(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beat(config, group(a=BUSY, b=BUSY))
    budget(config=config)
    (row,) = rows(capsys.readouterr().out)
    assert (row["workers"], row["units"]["requests"]["used"]) == (2, 1600.0)


def test_without_workers_configured_limits_are_shown(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget(config=config)
    out, err = capsys.readouterr()
    (row,) = rows(out)
    assert (row["models"], row["workers"]) == ([MODEL], 0)
    assert row["units"]["requests"] == {
        "limit": 1000.0,
        "used": 0.0,
        "available": 1000.0,
        "ratio": 0.0,
        "by_class": {},
    }
    assert row["units"]["input_tokens"]["limit"] is None
    (line,) = err.splitlines()
    assert line.startswith("no worker of shop is alive in sqlite:")
    assert "`headrace worker`" in line


def test_memory_store_cannot_be_seen(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.replace("sqlite:shop.db", "memory://"))
    budget(config=config)
    (line,) = capsys.readouterr().err.splitlines()
    assert "memory:// store cannot be seen from outside its worker" in line


def test_absent_store_is_one_line(config: Path) -> None:
    config.write_text(CONFIG.replace("shop.db", "no/such/folder/shop.db"))
    with pytest.raises(StoreUnavailable, match=r"no/such/folder.*check \[store\] url") as caught:
        budget(config=config)
    assert caught.value.exit_status == 1
    assert len(str(caught.value).splitlines()) == 1


@contextmanager
def on_a_terminal(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command on a terminal of its own; yield it and our end of the terminal."""
    ours, its = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
    process = subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        env=environment | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait(BOUND_S)
        os.close(ours)


def test_on_a_terminal_it_is_live_until_ctrl_c(config: Path) -> None:
    seen = b""
    with on_a_terminal(HEADRACE, "budget", "--config", str(config)) as (process, terminal):
        while seen.count(b"spent today") < 3 or b"closed for" not in seen:
            beat(config, group(a=BUSY))
            seen += os.read(terminal, 65_536)
        process.send_signal(signal.SIGINT)
        status = process.wait(BOUND_S)
    text = seen.decode()
    assert status == 0, text
    assert "closed for 40 s: rate limit; 5 calls in flight, waiting: 3 batch" in text
    assert "realtime:9% batch:71%" in text
    assert "0.0000 of 10.00 USD" in text
