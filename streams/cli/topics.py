"""`headrace topics`: create and compare."""

import typer

from schemas.settings import load
from streams.cli.options import AsJson, Config, run

app = typer.Typer(no_args_is_help=True, help="Topics as they should be.")


@app.command()
def create(config: Config = None) -> None:
    """Create what is missing; what exists stays as it is."""
    from streams import topics

    made = run(topics.create(load(config)))
    for name in made:
        typer.echo(name)
    typer.echo(f"{len(made)} topics created", err=True)


@app.command()
def check(config: Config = None, as_json: AsJson = False) -> None:
    """Tell what differs; exit 1 when something does."""
    import orjson

    from streams import topics

    found = run(topics.differences(load(config)))
    if as_json:
        typer.echo(orjson.dumps(found).decode())
    else:
        typer.echo("\n".join(found) or "all topics are as declared")
    if found:
        raise typer.Exit(1)
