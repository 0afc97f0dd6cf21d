import subprocess
import sys
from pathlib import Path

import pytest

from streams.local.kafka import tether
from streams.local.kafka.broker import Broker, Program, last_lines
from streams.local.kafka.class_cache import ClassCache
from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.java import Java


def program(java: Path, folder: Path) -> Program:
    return Program(
        java=Java(path=java, major=25, build="a"),
        jars=[Path("a.jar"), Path("b.jar")],
        cache=ClassCache(archive=folder / "classes.aot", java_major=25),
        records=True,
        outlive_parent=False,
    )


def java_that(folder: Path, ends: str) -> Path:
    file = folder / "java"
    file.write_text(f"#!/bin/sh\necho 'ERROR no space left on device' >&2\n{ends}\n")
    file.chmod(0o755)
    return file


def test_log_is_cut_to_what_a_person_needs() -> None:
    log = "a\nb\nc\nd\ne\nBindException: Address in use\n\tat java.base/Net.bind\n\tat x\n\n"
    assert last_lines(log) == "b\nc\nd\ne\nBindException: Address in use"


def test_command_names_jars_and_keeps_files_in_the_folder(tmp_path: Path) -> None:
    command = program(Path("/opt/java"), tmp_path).command(tmp_path, ["-Xfast"], "Main", "x")
    assert command[0] == "/opt/java"
    assert command[-4:] == ["-cp", "a.jar:b.jar", "Main", "x"]
    assert {"-Xfast", f"-Djava.io.tmpdir={tmp_path}/tmp"} <= set(command)


@pytest.mark.parametrize(
    ("ends", "cache_kept"),
    [("exit 1", True), ("kill -ABRT $$", False)],
    ids=["Kafka refuses", "Java crashes, maybe on a damaged class cache"],
)
def test_failed_setup_says_why(tmp_path: Path, ends: str, *, cache_kept: bool) -> None:
    (tmp_path / "classes.aot").write_bytes(b"classes")
    broker = Broker(1, tmp_path / "node-1", program(java_that(tmp_path, ends), tmp_path))
    with pytest.raises(LocalKafkaError, match=r"node-1 .*no space left on device"):
        broker.prepare("node.id=1\n")
    assert (tmp_path / "classes.aot").exists() is cache_kept


def test_class_cache_is_recorded_once(tmp_path: Path) -> None:
    broker = Broker(1, tmp_path, program(tmp_path, tmp_path))
    assert broker.records
    (tmp_path / "classes.aot").touch()
    assert not broker.records


def test_broker_that_never_ran_stops_at_once(tmp_path: Path) -> None:
    broker = Broker(1, tmp_path, program(tmp_path, tmp_path))
    broker.ask_to_stop()
    broker.wait_stopped(0)
    broker.kill()
    assert broker.pid is None


PARENT = """
import os, signal, subprocess, sys
child = "import signal; print('up', flush=True); signal.pause()"
tether = [sys.executable, "-I", "-S", sys.argv[1], str(os.getpid())]
subprocess.Popen([*tether, sys.executable, "-c", child])
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel can do this")
def test_tethered_process_ends_with_its_killed_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tether.__file__], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        parent.kill()
        assert parent.stdout.read() == ""  # ends only when the child has closed it too


def test_orphan_is_not_started() -> None:
    nobody = 2**22 + 1  # above the largest process id
    command = [sys.executable, tether.__file__, str(nobody), "/bin/echo", "started"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, b"")
