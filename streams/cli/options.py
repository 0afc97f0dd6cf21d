"""Options that several commands share, and how a command runs."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from schemas.settings import Settings, config_file, load

Config = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file; else HEADRACE_CONFIG, else ./headrace.toml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    """Run one command's asynchronous part on uvloop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def settings_and_folder(config: Path | None) -> tuple[Settings, Path]:
    """Load the settings; tasks are looked for beside the settings file, else here."""
    settings = load(config)
    file = config_file(config)
    return settings, (file.resolve().parent if file else Path.cwd())


def json_text(encoded: bytes) -> str:
    """Escape in JSON what could steer a terminal; to a program it means the same."""
    text = encoded.decode()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Make it printable without line ends: data must not look like a line of its own."""
    return printable(" ".join(text.splitlines()))


def printable(text: str) -> str:
    """Take out what could steer a terminal; events are data from outside."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
