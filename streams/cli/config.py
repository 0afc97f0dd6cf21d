"""`headrace config`: effective settings."""

import asyncio
from collections.abc import Iterator

import typer

from schemas.lease import StoreAway
from schemas.settings import Settings, load, masked
from streams.cli.options import AsJson, Config, printable, run, settings_and_folder

REACH_S = 2.0
"""A store that does not answer for so long is told as away."""

app = typer.Typer(no_args_is_help=True, help="Settings: file, environment, defaults.")


@app.command()
def show(config: Config = None, as_json: AsJson = False) -> None:
    """Print the effective settings; secrets are masked."""
    import orjson

    settings = masked(load(config))
    if as_json:
        typer.echo(orjson.dumps(settings, option=orjson.OPT_INDENT_2).decode())
        return
    for key, value in _flat(settings, ""):
        typer.echo(f"{key} = {orjson.dumps(value).decode()}")


@app.command()
def check(config: Config = None) -> None:
    """Check settings and tasks; every wrong key is named, exit 2. Warns of a store that forgets."""
    settings, folder = settings_and_folder(config)
    from agents import catalog

    tasks = catalog.load(settings, folder)
    _ = settings.kafka.password, settings.web.bearer  # their files have to be readable
    names = ", ".join(sorted(task.name for task in tasks))
    for doubt in run(_doubts(settings)):
        typer.echo(printable(f"warning: {doubt}"), err=True)
    typer.echo(f"settings are valid; tasks: {names or 'none'}")


async def _doubts(settings: Settings) -> list[str]:
    """Ask the store what may lose records; that it is away is a doubt too. Makes no file."""
    from agents.store.opening import open_store

    store = open_store(settings.store.url, settings.app.name, create=False)
    try:
        async with asyncio.timeout(REACH_S):
            await store.start()
            return await store.doubts()
    except StoreAway as problem:
        return [str(problem)]
    except TimeoutError:
        return [f"{masked(settings)['store']['url']}: no answer in {REACH_S:g} s"]
    finally:
        await store.stop()


def _flat(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
