"""`headrace dlq replay` and `resolve`: what is done about dead letters."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.problem import Problem
from schemas.settings import Settings, load
from streams.cli.filters import filtered
from streams.cli.options import AsJson, Config, printable, run, settings_and_folder

if TYPE_CHECKING:
    from streams.replay.engine import Sent
    from streams.replay.forecast import Forecast
    from streams.replay.job import Job, Order
    from streams.replay.ledger import Ledger
    from streams.replay.letters import Filter

RATE = 100.0
Limit = Annotated[int, typer.Option(min=0, help="At most so many, the oldest; 0: all.")]


class WrongUse(Problem):
    """These options do not go together."""

    exit_status = 2


@filtered
def replay(
    wanted: "Filter",
    *,
    execute: Annotated[bool, typer.Option("--execute", help="Send; else only tell.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, max=100_000, help=f"Letters a second; {RATE:.0f} unless given."),
    ] = None,
    to_origin: Annotated[
        bool,
        typer.Option("--to-origin", help="To the input topic, which others may read as well."),
    ] = False,
    ignore_expiry: Annotated[
        bool, typer.Option("--ignore-expiry", help="Work on expired events too.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="JOB", help="Go on with a job, with its own filter.")
    ] = None,
    limit: Limit = 0,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tell what a replay of open letters would do and cost; with --execute, do it."""
    from streams.replay.job import Order

    settings, folder = settings_and_folder(config)
    order = Order(
        wanted=wanted,
        limit=limit,
        rate=rate or RATE,
        to_origin=to_origin,
        ignore_expiry=ignore_expiry,
    )
    if resume is not None and order != Order(wanted=type(wanted)(), limit=0, rate=order.rate):
        raise WrongUse("--resume goes on with the job's own filter and options: give only --rate")
    if execute or resume is not None:
        _execute(settings, folder, order, resume, rate, as_json)
    else:
        _forecast(settings, folder, order, as_json)


@filtered
def resolve(
    wanted: "Filter",
    reason: Annotated[str, typer.Option(help="Why nobody has to look at them again.")],
    every: Annotated[bool, typer.Option("--all", help="Resolve without any filter.")] = False,
    limit: Limit = 0,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Park open letters: they are dealt with, and are not replayed."""
    if not reason.strip():
        raise WrongUse("--reason must say something")
    if wanted == type(wanted)() and not every:
        raise WrongUse("resolve takes a filter, such as --id or --disposition; or --all")
    count, refused = run(_resolve(load(config), wanted, limit, reason))
    typer.echo(f'{{"resolved":{count}}}' if as_json else f"{count} resolved")
    if refused:
        raise typer.Exit(1)


def _forecast(settings: Settings, folder: Path, order: "Order", as_json: bool) -> None:
    from streams.replay import engine

    counted = _counter(settings, folder, order)
    run(engine.forecast(settings, order, counted))
    _print(counted, None, as_json)
    if not as_json:
        typer.echo("nothing was sent; --execute sends")


def _execute(
    settings: Settings,
    folder: Path,
    order: "Order",
    resume: str | None,
    rate: float | None,
    as_json: bool,
) -> None:
    job = run(_job(settings, order, resume))
    if rate is not None:
        job = job.at_rate(rate)
    _say(f"job {job.id}")
    counted, sent, refused = _counter(settings, folder, job.order), 0, 0
    if not job.over:
        try:
            sent, refused = run(_carry_out(settings, job, counted))
        except KeyboardInterrupt:
            _say(f"stopped; go on with: headrace dlq replay --resume {job.id}")
            raise
    _print(counted, job.id, as_json)
    _say(f"sent {sent}; this job was over already" if job.over else f"sent {sent}")
    if refused:
        raise typer.Exit(1)


async def _job(settings: Settings, order: "Order", resume: str | None) -> "Job":
    from secrets import token_hex

    from streams.replay import engine, jobs

    if resume is not None:
        return await jobs.load(settings, resume)
    return await engine.start(settings, token_hex(4), order)


async def _carry_out(settings: Settings, job: "Job", counted: "Forecast") -> tuple[int, int]:
    from streams import logbook
    from streams.replay import engine

    logbook.configure(settings.log.format)
    async with _ledger(settings, job.id) as ledger:
        with _shown() as sent:
            done = await engine.carry_out(settings, job, counted, ledger, _say, sent)
    return done.sent, done.refused


async def _resolve(
    settings: Settings, wanted: "Filter", limit: int, reason: str
) -> tuple[int, int]:
    from streams.replay import engine

    async with _ledger(settings, "resolve") as ledger:
        done = await engine.resolve(settings, wanted, limit, reason, ledger, _say)
    return done.sent, done.refused


@asynccontextmanager
async def _ledger(settings: Settings, worker: str) -> AsyncIterator["Ledger"]:
    """Open the store, if it can be seen from here; without it Kafka alone is told."""
    from agents.store.opening import open_store
    from schemas.lease import StoreAway
    from streams.replay.ledger import Ledger

    url = settings.store.url
    if url.startswith("memory:"):
        yield Ledger(None, worker, _say)
        return
    store = open_store(url, settings.app.name, create=False)
    try:
        try:
            await store.start()
        except StoreAway as problem:
            _say(f"the ledger of open letters will not be told: {problem}")
            yield Ledger(None, worker, _say)
        else:
            yield Ledger(store, worker, _say)
    finally:
        await store.stop()


@contextmanager
def _shown() -> Iterator["Sent"]:
    """Show progress on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _sent, _most: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("replaying", total=None)
        yield lambda sent, most: progress.update(task, completed=sent, total=most)


def _counter(settings: Settings, folder: Path, order: "Order") -> "Forecast":
    from agents import catalog
    from streams.replay.forecast import Forecast

    found = catalog.load(settings, folder)
    return Forecast(settings, found, ignore_expiry=order.ignore_expiry)


def _print(counted: "Forecast", job: str | None, as_json: bool) -> None:
    import orjson

    told = counted.tally.as_json(job, executed=job is not None)
    for note in counted.notes():
        _say(note)
    if as_json:
        typer.echo(orjson.dumps(told).decode())
        return
    for line in _lines(told):
        typer.echo(printable(line))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{'selected':16} {told['selected']:>12,}"
    for name, count in (told["by_disposition"] | told["by_class"]).items():
        yield f"  {name:18} {count:>8,}"
    yield f"{'input tokens':16} {told['input_tokens']:>12,}"
    yield f"{'output tokens':16} {told['output_tokens']:>12,}"
    yield f"{'price, dollars':16} {told['cost_microusd'] / 1e6:>12,.6f}"
    yield f"{'rejected again':16} {told['rejected_again']:>12,}  by today's build, without a call"
    yield f"{'blocked by cap':16} {told['blocked_by_cap']:>12,}  replayed as often as may be"


def _say(line: str) -> None:
    typer.echo(printable(line), err=True)
