"""A headrace command as a person runs it: arguments in, status and both outputs out."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HEADRACE = str(Path(sys.executable).with_name("headrace"))
MODULE = (sys.executable, "-m", "streams")
COMMAND_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line on stderr that says what to change."""
        [line] = self.err.splitlines()
        assert line.startswith("headrace: "), line
        assert self.out == ""
        return line.removeprefix("headrace: ")


async def run(
    *command: str,
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    within_s: float = COMMAND_S,
) -> Done:
    """Run a command to its end; nothing that it starts is waited for longer than that."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), within_s)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"{command} hangs: {out.decode()}{err.decode()}") from None
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Done(status=process.returncode, out=out.decode(), err=err.decode())
