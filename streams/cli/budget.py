"""`headrace budget`: live use of every budget."""

import asyncio
import sys
from contextlib import suppress

import typer

from schemas.settings import Settings, load, masked
from streams.cli.options import AsJson, Config, printable, run
from streams.cli.store import opened

EVERY_S = 1.0


def budget(as_json: AsJson = False, config: Config = None) -> None:
    """Show limits, use, who waits and what is closed. Live on a terminal, else JSON Lines."""
    settings = load(config)
    if as_json or not sys.stdout.isatty():
        run(_snapshot(settings))
        return
    with suppress(KeyboardInterrupt):  # the usual way to end it
        run(_live(settings))


async def _snapshot(settings: Settings) -> None:
    from streams.cli.overview import Overview

    async with opened(settings, create=False) as store:
        view = Overview.of(await store.group(), settings.budget)
    if not view.workers:
        typer.echo(printable(_nobody(settings)), err=True)
    for line in view.lines():
        typer.echo(line)


async def _live(settings: Settings) -> None:
    """Show until somebody ends it; a store that goes away meanwhile is told below the table."""
    from rich.live import Live

    from schemas.lease import StoreAway
    from streams.cli.overview import Overview

    async with opened(settings, create=False) as store:
        view = Overview.of(await store.group(), settings.budget)
        with Live(view.table(), auto_refresh=False) as screen:
            while True:
                try:
                    view = Overview.of(await store.group(), settings.budget)
                    notice = "" if view.workers else _nobody(settings)
                except StoreAway as problem:
                    notice = f"as it was when the store was last reached: {problem}"
                screen.update(view.table(notice), refresh=True)
                await asyncio.sleep(EVERY_S)


def _nobody(settings: Settings) -> str:
    url: str = masked(settings)["store"]["url"]
    if url.startswith("memory:"):
        why = "a memory:// store cannot be seen from outside its worker: set [store] url"
    else:
        why = "start one with `headrace worker` and the same settings"
    return f"no worker of {settings.app.name} is alive in {url}; {why}"
