"""`headrace simulator`, as a process."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer

from agents.simulator import FaultKind
from streams.cli.simulator import parse_fault

RUN = """
import sys, typer
from schemas.problem import Problem
from streams.cli.simulator import simulator
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(simulator)
try:
    app()
except Problem as problem:
    sys.exit(f"headrace: {problem}")
"""


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def post(url: str) -> int:
    body = {
        "model": "claude-haiku-5-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    }
    headers = {"x-api-key": "secret", "anthropic-version": "2026-10-21"}
    request = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal_and_writes_the_ledger(
    number: signal.Signals, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    options = ["--port", "0", "--time-scale", "0", "--key", "secret", "--ledger", str(ledger)]
    process = start(*options)
    assert process.stdout is not None
    line = process.stdout.readline().split()
    url = line[0]
    assert line[1:] == [f"ANTHROPIC_BASE_URL={url}", "ANTHROPIC_API_KEY=secret"]
    assert post(url) == 200
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    entries = [json.loads(entry) for entry in ledger.read_text().splitlines()]
    assert [entry["last_user_text"] for entry in entries] == ["hi"]


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        out, err = (process := start("--port", str(port))).communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err == f"headrace: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("fault", ["kind=meteor", "nonsense", "kind=empty,rate=7", "{"])
def test_a_bad_fault_is_wrong_usage(fault: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_fault(fault)


def test_bad_usage_exits_with_2() -> None:
    process = start("--fault", "kind=meteor")
    process.communicate(timeout=20)
    assert process.returncode == 2


@pytest.mark.parametrize(
    "text", ["kind=refusal,rate=0.1,times=3", '{"kind":"refusal","rate":0.1,"times":3}']
)
def test_faults_are_written_in_two_ways(text: str) -> None:
    fault = parse_fault(text)
    assert (fault.kind, fault.rate, fault.times) == (FaultKind.REFUSAL, 0.1, 3)
