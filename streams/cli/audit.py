"""`headrace audit`: proves that every input ended once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.problem import Problem
from schemas.settings import Settings, load
from schemas.workload import WorkloadClass
from streams.cli.filters import _time as moment
from streams.cli.options import AsJson, Config, printable, run
from streams.cli.store import opened, refuse_unseen

if TYPE_CHECKING:
    from streams.audit.auditing import Audit

# How many of a kind are named to a person.
NAMED = 20
NOTHING_TO_REBUILD = "there is no ledger to rebuild"
Counts = dict[str, dict[str, int]]


class PartOfTheLetters(Problem):
    """The ledger cannot be made from some of the letters."""

    exit_status = 2


def audit(
    since: Annotated[
        str | None,
        typer.Option(help="Only inputs at or after: RFC 3339, or 90s, 15m, 2h, 1d ago."),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the ledger of open letters anew from Kafka.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Join inputs with their ends; name what is missing or double, then exit 1."""
    settings = load(config)
    if rebuild and since:
        raise PartOfTheLetters("--rebuild needs all letters: leave out --since")
    if rebuild:
        refuse_unseen(settings, NOTHING_TO_REBUILD)
    asked = moment(since)
    is_clean = run(_audit(settings, asked.timestamp() if asked else None, rebuild, as_json))
    if not is_clean:
        raise typer.Exit(1)


async def _audit(settings: Settings, since: float | None, rebuild: bool, as_json: bool) -> bool:
    import orjson

    from streams.audit.auditing import audit as audited

    found = await audited(settings, since=since, names=None if as_json else NAMED)
    ledger = await _rebuilt(settings, found) if rebuild else {}
    if as_json:
        told = {"ledger": ledger} if rebuild else {}
        typer.echo(orjson.dumps(found.report.as_json() | told).decode())
    else:
        for line in found.report.lines():
            typer.echo(printable(line))
        for workload, counts in ledger.items():
            typer.echo(f"ledger of {workload}: {counts['before']:,} -> {counts['after']:,} open")
    return found.report.is_clean


async def _rebuilt(settings: Settings, found: "Audit") -> Counts:
    """Write the ledger; return its numbers by class before and after."""
    async with opened(settings, NOTHING_TO_REBUILD) as store:
        before = (await store.group()).open_letters
        await store.replace_letters(found.open_letters)
        after = (await store.group()).open_letters
    return {w.value: _change(w, before, after) for w in WorkloadClass}


def _change(
    workload: WorkloadClass,
    before: Mapping[WorkloadClass, int],
    after: Mapping[WorkloadClass, int],
) -> dict[str, int]:
    return {"before": before.get(workload, 0), "after": after.get(workload, 0)}
