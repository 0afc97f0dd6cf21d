"""The wheel alone holds all that the demo needs: jar lock, samples, prompts."""

import os
import sys
from pathlib import Path

import pytest

from streams.local.kafka.jars import cache_directory
from tests.command import Done, run
from tests.harness import clean_environment

PROJECT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
WHERE = """
import agents, schemas, streams, sys
for module in (agents, schemas, streams):
    print(module.__file__)
"""


@pytest.fixture
async def installed(tmp_path: Path) -> Path:
    """The project's wheel and nothing else, unpacked into a folder."""
    wheels, target = tmp_path / "wheels", tmp_path / "site"
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels))
    await pip(tmp_path, *build, str(PROJECT))
    [wheel] = wheels.glob("headrace-*.whl")
    await pip(tmp_path, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    (tmp_path / "empty").mkdir()
    return target


async def pip(folder: Path, *arguments: str) -> Done:
    done = await run(*PIP, *arguments, folder=folder, environment=clean_environment())
    assert done.status == 0, done.err
    return done


async def test_demo_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    environment = clean_environment(
        PYTHONPATH=str(installed),
        TMPDIR=str(tmp_path),
        XDG_CACHE_HOME=str(cache_directory().parents[1]),
    )
    where = await run(
        sys.executable, "-c", WHERE, folder=tmp_path / "empty", environment=environment
    )
    assert all(line.startswith(f"{installed}{os.sep}") for line in where.out.splitlines())
    demo = await run(
        sys.executable,
        "-m",
        "streams",
        "demo",
        "--events",
        "40",
        folder=tmp_path / "empty",
        environment=environment,
        within_s=150,
    )
    assert demo.status == 0, demo.out + demo.err
