import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from streams.local.kafka.ports import answers_kafka, free_ports
from streams.local.kafka.running import find_running, stop_running

HEADRACE = Path(sys.executable).with_name("headrace")
NOBODY_LISTENS = "http://127.0.0.1:9"


def headrace_kafka(
    *arguments: object, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEADRACE, "kafka", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env=os.environ | (env or {}),
    )


@pytest.fixture
def port() -> int:
    return free_ports(2, random.SystemRandom())[0]


def test_start_status_stop(tmp_path: Path, port: int) -> None:
    here = ("--dir", tmp_path)
    try:
        started = headrace_kafka("start", *here, "--port", port)
        assert (started.returncode, started.stderr) == (0, "")
        bootstrap, how_to_stop = started.stdout.splitlines()
        assert bootstrap == f"127.0.0.1:{port}"
        assert how_to_stop == f"end it with: headrace kafka stop --dir {tmp_path}"

        status = headrace_kafka("status", *here, "--json")
        assert status.returncode == 0
        [broker] = json.loads(status.stdout)["brokers"]
        assert json.loads(status.stdout)["bootstrap"] == bootstrap
        assert os.getsid(broker["pid"]) == broker["pid"]  # so it outlives its terminal
        assert f"broker 1: pid {broker['pid']}, " in headrace_kafka("status", *here).stdout

        again = headrace_kafka("start", *here, "--port", port)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.startswith(f"headrace: Kafka already runs at {bootstrap}")
        assert len(again.stderr.splitlines()) == 1

        stopped = headrace_kafka("stop", *here)
        assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "stopped\n", "")
        assert not answers_kafka(port)
        assert find_running(tmp_path) == []
    finally:
        stop_running(tmp_path)


def test_nothing_runs(tmp_path: Path) -> None:
    status = headrace_kafka("status", "--dir", tmp_path, "--json")
    assert (status.returncode, json.loads(status.stdout)) == (1, {"bootstrap": None, "brokers": []})
    stopped = headrace_kafka("stop", "--dir", tmp_path)
    assert (stopped.returncode, stopped.stdout) == (0, "no local Kafka was running\n")


def test_no_network_is_one_line(tmp_path: Path, port: int) -> None:
    unreachable = {"XDG_CACHE_HOME": str(tmp_path), "NO_PROXY": "", "no_proxy": ""}
    unreachable |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), NOBODY_LISTENS)
    done = headrace_kafka("start", "--dir", tmp_path / "data", "--port", port, env=unreachable)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "cannot fetch " in done.stderr
    assert "Maven repository" in done.stderr


def test_two_brokers_are_wrong_usage(tmp_path: Path) -> None:
    done = headrace_kafka("start", "--dir", tmp_path, "--brokers", 2)
    assert done.returncode == 2
    assert "1 or 3" in done.stderr
