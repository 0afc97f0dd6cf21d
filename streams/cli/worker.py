"""`headrace worker`: the service."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.settings import ConfigurationError
from schemas.workload import WorkloadClass
from streams.cli.options import Config, run, settings_and_folder

if TYPE_CHECKING:
    from streams.app import Worker


def worker(
    config: Config = None,
    classes: Annotated[
        str, typer.Option(help="Comma list of workload classes; all when not given.")
    ] = "",
) -> None:
    """Take events, call Claude, publish results. SIGTERM drains, then exits 0."""
    settings, folder = settings_and_folder(config)
    chosen = _classes(classes)
    from agents import catalog
    from streams import logbook
    from streams.app import Worker

    logbook.configure(settings.log.format)
    tasks = catalog.load(settings, folder)
    run(_serve(Worker(settings, tasks, chosen)))


def _classes(given: str) -> tuple[WorkloadClass, ...]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    known = [workload.value for workload in WorkloadClass]
    if wrong := [name for name in names if name not in known]:
        raise ConfigurationError(f"--classes: {wrong[0]!r} is none of {', '.join(known)}")
    return tuple(w for w in WorkloadClass if not names or w in names)


async def _serve(service: "Worker") -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starting = asyncio.create_task(service.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            typer.echo(f"headrace worker is up, web on port {service.web.port}", err=True)
            await stopping
        else:
            starting.cancel()
            await asyncio.wait({starting})
    finally:
        stopping.cancel()
        left = await service.stop()
        if left:
            typer.echo(f"gave up {left} records; their next reader takes them again", err=True)
