"""`headrace publish`: JSON Lines in, validated, keyed, confirmed by all replicas."""

from typing import Annotated

import typer

from schemas.settings import load
from streams.cli.options import Config, one_line, run


def publish(
    topic: Annotated[str, typer.Argument(help="An input topic, such as interactions.realtime.")],
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="JSON Lines; '-' or nothing: standard input.")
    ] = "-",  # type: ignore[assignment]  # typer opens it
    config: Config = None,
) -> None:
    """Publish events. Good lines are sent, bad ones named by number on stderr, then exit 1."""
    settings = load(config)
    from streams import logbook, publishing

    logbook.configure(settings.log.format)

    def complain(line: int, why: str) -> None:
        typer.echo(one_line(f"line {line}: {why}"), err=True)

    count = run(publishing.publish(settings, topic, file, complain))
    typer.echo(f"{count.sent} published to {topic}")
    if count.bad:
        typer.echo(f"{count.bad} not published", err=True)
        raise typer.Exit(1)
