"""`headrace config`: effective settings."""

from collections.abc import Iterator

import typer

from schemas.settings import load, masked
from streams.cli.options import AsJson, Config, settings_and_folder

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
    """Check settings and tasks; every wrong key is named, exit 2."""
    settings, folder = settings_and_folder(config)
    from agents import catalog

    tasks = catalog.load(settings, folder)
    _ = settings.kafka.password, settings.web.bearer  # their files have to be readable
    names = ", ".join(sorted(task.name for task in tasks))
    typer.echo(f"settings are valid; tasks: {names or 'none'}")


def _flat(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
