"""The demo in an empty folder of somebody who has never heard of headrace."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from schemas.workload import WorkloadClass
from streams.local.kafka.jars import cache_directory
from tests.command import HEADRACE, Done, run
from tests.harness import clean_environment

EVENTS = 120
# Class, published, results, dead, p50 and p99 with their units, tokens, cost.
CELLS = 10
# From Ctrl-C until nothing is left.
ENDS_S = 30
# What would lead the demo astray if it looked at it.
POISON = {
    "ANTHROPIC_API_KEY": "sk-ant-real-money",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "HEADRACE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "HEADRACE_CONFIG": "gone.toml",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("home", "tmp", "empty"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """A home of its own; jars that were fetched before are not fetched again."""
    return clean_environment(
        HOME=str(folder / "home"),
        TMPDIR=str(folder / "tmp"),
        XDG_CACHE_HOME=str(cache_directory().parents[1]),
        **POISON,
    )


def left_over(folder: Path) -> list[str]:
    """Return files, and processes that work in or were told of this folder."""
    files = [str(file) for name in ("tmp", "empty") for file in (folder / name).rglob("*")]
    mine = str(folder)
    for process in psutil.process_iter(["cmdline", "cwd"]):
        said = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        if process.pid != os.getpid() and any(mine in word for word in said):
            files.append(f"process {process.pid}: {said}")
    return files


async def test_demo_settles_every_event_and_leaves_nothing(
    folder: Path, environment: dict[str, str]
) -> None:
    done = await run(
        HEADRACE,
        "demo",
        "--events",
        str(EVENTS),
        folder=folder / "empty",
        environment=environment,
        within_s=150,
    )
    assert done.status == 0, done.out + done.err
    check_table(done)
    assert "sk-ant-real-money" not in done.out + done.err
    assert left_over(folder) == []


def check_table(done: Done) -> None:
    rows = [line.split() for line in done.out.splitlines() if line.startswith(" ")]
    published = 0
    for name in WorkloadClass:
        [row] = [row for row in rows if row[:1] == [name] and len(row) == CELLS]
        assert int(row[1]) == int(row[2]) + int(row[3])
        published += int(row[1])
    assert published == EVENTS
    assert "UNDECODABLE" in done.out
    assert "TOO_LARGE" in done.out
    assert "headrace try triage" in done.out


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("starting the worker", signal.SIGINT),
        ("publishing", signal.SIGINT),
        ("publishing", signal.SIGTERM),
    ],
)
async def test_ctrl_c_ends_the_demo_and_leaves_nothing(
    folder: Path, environment: dict[str, str], moment: str, number: signal.Signals
) -> None:
    demo = await asyncio.create_subprocess_exec(
        HEADRACE,
        "demo",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder / "empty",
        env=environment,
        start_new_session=True,
    )
    assert demo.stdout
    said = b""
    try:
        async with asyncio.timeout(90):
            while moment.encode() not in said:
                line = await demo.stdout.readline()
                assert line, said.decode()
                said += line
        demo.send_signal(number)
        rest, _ = await asyncio.wait_for(demo.communicate(), ENDS_S)
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()
    assert demo.returncode == 130, (said + rest).decode()
    assert b"Traceback" not in said + rest, (said + rest).decode()
    assert left_over(folder) == []
