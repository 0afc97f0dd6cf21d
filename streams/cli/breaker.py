"""`headrace breaker`: flood breakers, which hold a class while most of its records fail."""

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from schemas.settings import Settings, load
from schemas.standing import Group
from schemas.workload import WorkloadClass
from streams.cli.options import AsJson, Config, run
from streams.cli.store import opened

app = typer.Typer(no_args_is_help=True, help="Flood breakers: look at them, close them.")
RESTART = "restart it to close its breakers"
# Workers hear of a reset with their next heartbeat.
HEARD_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """The open breakers of one class, over all workers."""

    workload: WorkloadClass
    workers: int
    held: int

    @classmethod
    def of(cls, group: Group, workload: WorkloadClass) -> "Flood":
        """Add up what the workers report."""
        held = [r.floods[workload] for r in group.workers.values() if workload in r.floods]
        return cls(workload=workload, workers=len(held), held=sum(held))

    def __str__(self) -> str:
        if not self.workers:
            return f"no worker reports an open breaker of class {self.workload}"
        holds = "worker holds" if self.workers == 1 else "workers hold"
        records = "record" if self.held == 1 else "records"
        return f"{self.workers} {holds} {self.held:,} {records} of {self.workload}"


@app.command()
def reset(
    workload: Annotated[WorkloadClass, typer.Option("--class", help="Its breaker is closed.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="Dead-letter what it held, do not try it again.")
    ] = False,
    config: Config = None,
) -> None:
    """Close a class's breaker in all workers: its records are tried again."""
    flood = run(_reset(load(config), workload, accept))
    then = "they become dead letters" if accept else "they go on"
    typer.echo(f"{flood}; {then} within {HEARD_S} s" if flood.workers else str(flood))


@app.command()
def status(as_json: AsJson = False, config: Config = None) -> None:
    """Show the breaker of every class."""
    import orjson

    for flood in run(_status(load(config))):
        row = {"class": flood.workload, "open": flood.workers > 0} | asdict(flood)
        row.pop("workload")
        typer.echo(orjson.dumps(row).decode() if as_json else str(flood))


async def _reset(settings: Settings, workload: WorkloadClass, accept: bool) -> Flood:
    async with opened(settings, RESTART) as store:
        flood = Flood.of(await store.group(), workload)
        await store.reset_breaker(workload, accept=accept)
    return flood


async def _status(settings: Settings) -> tuple[Flood, ...]:
    async with opened(settings, RESTART, create=False) as store:
        group = await store.group()
    return tuple(Flood.of(group, workload) for workload in WorkloadClass)
