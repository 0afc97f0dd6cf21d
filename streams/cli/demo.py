"""`headrace demo`: the main job before your eyes."""

import os
from collections.abc import MutableMapping
from typing import Annotated

import typer

from streams.cli.options import run


def demo(
    events: Annotated[int, typer.Option(min=1, max=100_000, help="How many to publish.")] = 1200,
) -> None:
    """Start Kafka, a Claude simulator and a worker, and send sample events of all four classes.

    Nothing is left behind, no key is needed and none is used.
    """
    _forget_callers_settings(os.environ)
    from streams.local.demo import demo as play
    from streams.local.screen import Screen

    if not run(play(events, Screen())):
        raise typer.Exit(1)


def _forget_callers_settings(environ: MutableMapping[str, str]) -> None:
    """Take out what would lead to a real account, or to a broker that is not the demo's."""
    for name in list(environ):
        if name.upper().startswith(("ANTHROPIC_", "HEADRACE_")):
            del environ[name]
