"""One Kafka broker: a Java process and its files."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from streams.local.kafka import tether
from streams.local.kafka.class_cache import ClassCache, adopt_recordings, drop_recordings
from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.java import Java

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"  # any 16 bytes in URL-safe base64; must not start with "-"
HEAP_MB = 256
FORMAT_TIMEOUT_S = 60.0
SPAWN_TIMEOUT_S = 60.0
SHOWN_LOG_LINES = 5
CLEAN_EXITS = (0, 128 + signal.SIGTERM)  # Java reports a handled SIGTERM as 143
PROPERTIES_FILE = "server.properties"

# The kernel ties a process to the *thread* that started it, not to the process of that thread: a
# broker started by a short-lived worker thread would die with it. This thread lasts.
_LAUNCHER = ThreadPoolExecutor(1, thread_name_prefix="kafka-launcher")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What all brokers of a cluster run.

    `records`: write the class cache at the first clean stop; `outlive_parent`: go on when this
    process ends.
    """

    java: Java
    jars: Sequence[Path]
    cache: ClassCache
    records: bool
    outlive_parent: bool

    def command(self, directory: Path, flags: Sequence[str], main: str, *args: str) -> list[str]:
        """Return the command line of one Kafka main class for the node in `directory`."""
        return [
            str(self.java.path),
            *self.java.flags(HEAP_MB),
            *flags,
            f"-Djava.io.tmpdir={directory / 'tmp'}",  # native libraries unpack there
            f"-XX:ErrorFile={directory / 'crash.log'}",
            "-cp",
            ":".join(map(str, self.jars)),
            main,
            *args,
        ]


def last_lines(log: str) -> str:
    """Return what a person needs of a broker's log: the last lines without stack frames."""
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith("\t")]
    return "\n".join(lines[-SHOWN_LOG_LINES:])


class Broker:
    """One node; `launch`, `kill` and the stop are safe twice."""

    def __init__(self, node: int, directory: Path, program: Program) -> None:
        self.node = node
        self.directory = directory
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"Broker({self.node}, pid={self.pid}, directory={str(self.directory)!r})"

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    @property
    def log_file(self) -> Path:
        """What the broker printed, over all its starts."""
        return self.directory / "broker.log"

    @property
    def records(self) -> bool:
        """Whether this node will write the class cache when it stops."""
        return self._program.records and not self._program.cache.exists

    def prepare(self, properties: str) -> None:
        """Write the configuration and, the first time, the empty data directory."""
        (self.directory / "tmp").mkdir(parents=True, exist_ok=True)
        (self.directory / PROPERTIES_FILE).write_text(properties)
        if not (self.directory / "data" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        cluster_and_config = (f"--cluster-id={CLUSTER_ID}", "-c", self._properties_path)
        command = self._program.command(
            self.directory,
            self._program.cache.read_flags(),
            "kafka.tools.StorageTool",
            "format",
            *cluster_and_config,
        )
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False
        )
        if done.returncode:
            self._doubt_cache(done.returncode)
            said = last_lines(done.stdout + done.stderr)
            raise LocalKafkaError(f"cannot set up {self.directory} for Kafka: {said}")

    @property
    def _properties_path(self) -> str:
        return str(self.directory / PROPERTIES_FILE)

    def launch(self) -> None:
        """Start the process; `answers_kafka` tells when it is ready."""
        if self.pid is not None:
            return
        cache = self._program.cache
        flags = cache.record_flags(self.directory) if self.records else cache.read_flags()
        command = self._program.command(self.directory, flags, "kafka.Kafka", self._properties_path)
        if not self._program.outlive_parent:
            command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command]
            atexit.register(self.kill)  # where the kernel cannot do it
        self._process = _LAUNCHER.submit(self._spawn, command).result(SPAWN_TIMEOUT_S)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the brokers
            )

    def check_running(self) -> None:
        """Raise LocalKafkaError with the end of its log when the process has ended."""
        if self.pid is None:
            self._doubt_cache(self._process.returncode if self._process else 0)
            said = last_lines(self.log_file.read_text(errors="replace"))
            raise LocalKafkaError(
                f"broker {self.node} ended at start; {self.log_file} says:\n{said}"
            )

    def _doubt_cache(self, status: int) -> None:
        """After a crash of Java itself, as on a damaged archive, the next start does without."""
        if status < 0:  # ended by a signal; Kafka's own failures exit with 1
            self._program.cache.discard()

    def ask_to_stop(self) -> None:
        """Send SIGTERM: a controlled shutdown."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)  # a paused process would not see the SIGTERM

    def wait_stopped(self, timeout_s: float) -> None:
        """Wait until it has ended, kill it when the time is over."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        if self._process.poll() in CLEAN_EXITS:
            adopt_recordings(self.directory, self._program.cache.archive.parent)
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL and wait: to the others it looks like a machine that died."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            drop_recordings(self.directory)
        atexit.unregister(self.kill)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process if there is one."""
        if self._process is not None:
            self._process.send_signal(number)
