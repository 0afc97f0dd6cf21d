"""`headrace dlq`: dead letters."""

import base64
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.problem import Problem
from schemas.settings import load
from streams.cli import replay
from streams.cli.filters import filtered
from streams.cli.options import AsJson, Config, json_text, one_line, printable, run

if TYPE_CHECKING:
    from streams.replay.letters import Filter, Letter

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, read, count, replay.")


class NoSuchLetter(Problem):
    """No open letter has that id."""


Limit = Annotated[int, typer.Option(min=0, help="At most so many, the oldest; 0: all.")]


@app.command()
@filtered
def ls(wanted: "Filter", limit: Limit = 0, as_json: AsJson = False, config: Config = None) -> None:
    """List open letters, a line each."""
    run(_ls(config, wanted, limit, as_json))


@app.command()
@filtered
def stats(
    wanted: "Filter", limit: Limit = 0, as_json: AsJson = False, config: Config = None
) -> None:
    """Count open letters by what went wrong."""
    run(_stats(config, wanted, limit, as_json))


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Letter id or event id.")],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Print one letter: its facts and the original value."""
    run(_show(config, letter_id, as_json))


app.command()(replay.replay)
app.command()(replay.resolve)


async def _ls(config: Path | None, wanted: "Filter", limit: int, as_json: bool) -> None:
    import orjson

    from streams.replay.letters import open_letters

    async with aclosing(open_letters(load(config), wanted, limit)) as letters:
        async for letter in letters:
            line = json_text(orjson.dumps(letter.as_json())) if as_json else _line(letter)
            typer.echo(line)


async def _stats(config: Path | None, wanted: "Filter", limit: int, as_json: bool) -> None:
    import orjson

    from streams.envelope import rfc3339
    from streams.replay.clusters import Clusters
    from streams.replay.letters import open_letters

    clusters = Clusters()
    async with aclosing(open_letters(load(config), wanted, limit)) as letters:
        async for letter in letters:
            clusters.add(letter)
    found = [
        asdict(c) | {"first_seen": rfc3339(c.first_seen), "last_seen": rfc3339(c.last_seen)}
        for c in clusters.largest_first()
    ]
    if as_json:
        typer.echo(json_text(orjson.dumps(found)))
        return
    for c in found:
        what = f"{c['workload']} {c['disposition']} {c['error_class']}/{c['error_type']}"
        place = f" at {c['place']}" if c["place"] else ""
        model = f" {c['model']}" if c["model"] else ""
        task = f" task {c['task']}@{c['task_version']}" if c["task"] else ""
        seen = f"{c['first_seen']} .. {c['last_seen']}  such as {c['example']}"
        typer.echo(one_line(f"{c['count']:6}  {what}{place}{task}{model}  {seen}"))


async def _show(config: Path | None, letter_id: str, as_json: bool) -> None:
    from streams.replay.letters import Filter, open_letters

    async with aclosing(open_letters(load(config), Filter(id=letter_id), 1)) as letters:
        async for letter in letters:
            _print(letter, as_json)
            return
    raise NoSuchLetter(f"no open letter {letter_id}; `headrace dlq ls` lists them")


def _print(letter: "Letter", as_json: bool) -> None:
    import orjson

    value = letter.record.value
    try:
        text = None if value is None else value.decode()
    except UnicodeDecodeError:
        text = None
    if as_json:
        encoded = base64.b64encode(value).decode() if value is not None else None
        told = letter.as_json() | {"value": text, "base64": encoded}
        typer.echo(json_text(orjson.dumps(told)))
        return
    for name, fact in letter.facts.items():
        typer.echo(one_line(f"{name}: {fact}"))
    shown = text if text is not None else ("(tombstone)" if value is None else repr(value))
    typer.echo(f"value:\n{printable(shown)}")


def _line(letter: "Letter") -> str:
    from streams.envelope import written

    facts, at = letter.facts, written(letter.record.timestamp) or "-"
    kind = f"{facts.get('dlq.workload', '-'):13} {facts.get('dlq.disposition', '-'):18}"
    said = facts.get("__dlq.errors.message", "")[:100]
    return one_line(f"{at}  {letter.id}  {kind} {letter.event_id or '-'}  {said}")
