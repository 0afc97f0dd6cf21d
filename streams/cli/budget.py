"""`headrace budget`: live use of every budget."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import typer

from schemas.problem import Problem
from schemas.settings import Settings, load, masked
from streams.cli.options import AsJson, Config, printable, run

if TYPE_CHECKING:
    from agents.store.opening import Store

EVERY_S = 1.0


class StoreUnavailable(Problem):
    """The store with the workers' reports does not answer."""


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

    async with _opened(settings) as store:
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

    async with _opened(settings) as store:
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


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator["Store"]:
    """Open the store; raise StoreUnavailable when it does not answer."""
    from agents.store.opening import open_store
    from schemas.lease import StoreAway

    store = open_store(settings.store.url, settings.app.name, create=False)
    try:
        await store.start()
        yield store
    except StoreAway as problem:
        raise StoreUnavailable(f"{str(problem).rstrip('.')}; check [store] url") from problem
    finally:
        await store.stop()


def _nobody(settings: Settings) -> str:
    url: str = masked(settings)["store"]["url"]
    if url.startswith("memory:"):
        why = "a memory:// store cannot be seen from outside its worker: set [store] url"
    else:
        why = "start one with `headrace worker` and the same settings"
    return f"no worker of {settings.app.name} is alive in {url}; {why}"
