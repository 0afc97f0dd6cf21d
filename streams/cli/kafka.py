"""`headrace kafka`: a local Apache Kafka in the background."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from streams.local.kafka import LocalKafka
from streams.local.kafka.running import bootstrap_of, find_running, stop_running

app = typer.Typer(no_args_is_help=True, help="A local Apache Kafka without Docker.")

MIB = 2**20


def _default_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base, "headrace", "kafka")


Directory = Annotated[
    Path,
    typer.Option("--dir", default_factory=_default_directory, help="Where the data is kept."),
]


def _one_or_three(brokers: int) -> int:
    if brokers not in (1, 3):
        raise typer.BadParameter("1 or 3")
    return brokers


def _show_progress(message: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{message}", err=True, nl=False)


@contextlib.contextmanager
def _progress(message: str) -> Iterator[None]:
    """Show a line while something goes on, and clear it also when it fails."""
    _show_progress(message)
    try:
        yield
    finally:
        _show_progress("")


@app.command()
def start(
    directory: Directory,
    port: Annotated[int, typer.Option(min=1, max=65530, help="The first broker's port.")] = 9092,
    brokers: Annotated[int, typer.Option(callback=_one_or_three, help="1 or 3.")] = 1,
) -> None:
    """Start Kafka in the background and wait until it is ready."""
    with _progress("looking for Java and Kafka"):
        kafka = LocalKafka(
            directory,
            brokers=brokers,
            port=port,
            outlive_parent=True,
            on_progress=_show_progress,
        ).start()
    typer.echo(f"{kafka.bootstrap}\nend it with: headrace kafka stop{_dir_option(directory)}")


@app.command()
def stop(directory: Directory) -> None:
    """Stop Kafka, wait until it is gone, and keep its data."""
    with _progress("stopping Kafka (the first time, its class cache is recorded)"):
        ended = stop_running(directory)
    typer.echo("stopped" if ended else "no local Kafka was running")


@app.command()
def status(
    directory: Directory,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show the address, process ids and memory; exit 1 when no broker runs."""
    running = find_running(directory)
    bootstrap = bootstrap_of(directory) if running else None
    if as_json:
        brokers = [{"node": b.node, "pid": b.pid, "memory_bytes": b.memory_bytes} for b in running]
        typer.echo(json.dumps({"bootstrap": bootstrap, "brokers": brokers}))
    else:
        typer.echo(bootstrap or "not running")
        for broker in running:
            memory_mib = broker.memory_bytes // MIB
            typer.echo(f"broker {broker.node}: pid {broker.pid}, {memory_mib} MiB")
    raise typer.Exit(0 if running else 1)


def _dir_option(directory: Path) -> str:
    return "" if directory == _default_directory() else f" --dir {directory}"
