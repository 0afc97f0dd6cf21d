import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "agents", "streams")
BOUND_S = 120
ARROWS = "Arrows go one way"
NO_KAFKA = "agents and schemas know no Kafka and no Prometheus"
ONE_SDK = "One door to the SDK"
ONE_PROMETHEUS = "One door to Prometheus"
SIMULATOR = "The simulator shares no code with what it tests"


def broken_contracts(tree: Path) -> set[str]:
    """Check a tree in a process of its own; return the names of the contracts it breaks."""
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [lint, "--no-cache", "--no-logo"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", ran.stdout, re.MULTILINE))
    assert {ARROWS, NO_KAFKA, ONE_SDK, ONE_PROMETHEUS, SIMULATOR} <= set(verdicts), ran.stdout
    broken = {name for name, verdict in verdicts.items() if verdict == "BROKEN"}
    assert (ran.returncode == 0) is (broken == set())
    return broken


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a tree with all of our modules and contracts, free to be spoilt."""
    for package in PACKAGES:
        only_python = shutil.ignore_patterns("__pycache__", "*.jsonl", "*.md", "*.lock")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=only_python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold() -> None:
    assert broken_contracts(ROOT) == set()


def test_every_planted_violation_is_reported(copy: Path) -> None:
    planted = {
        "schemas/upward.py": "import agents.task",
        "agents/claude/kafka.py": "import aiokafka",
        "agents/second_door.py": "import anthropic",
        "streams/second_meter.py": "import prometheus_client",
        "agents/simulator/shared.py": "import agents.claude.tokens",
    }
    for path, text in planted.items():
        (copy / path).write_text(f"{text}\n")
    expected = {ARROWS, NO_KAFKA, ONE_SDK, ONE_PROMETHEUS, SIMULATOR}
    assert broken_contracts(copy) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("schemas/events.py", "from agents import Task"),
        ("agents/budget/budget.py", "from agents.pipeline import Pipeline"),
        ("agents/prompts/library.py", "import agents.claude.gateway"),
        ("agents/task.py", "import agents.validate"),
    ],
)
def test_one_arrow_against_the_stream_is_reported(copy: Path, path: str, text: str) -> None:
    with (copy / path).open("a") as file:
        file.write(f"{text}\n")
    assert broken_contracts(copy) == {ARROWS}
