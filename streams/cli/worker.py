"""`headrace worker`: the service."""

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from schemas.problem import Problem
from schemas.sections import ConfigurationError
from schemas.workload import WorkloadClass
from streams import logbook
from streams.cli.options import Config, run, settings_and_folder

if TYPE_CHECKING:
    from streams.app import Worker

log = logging.getLogger("headrace")


def worker(
    config: Config = None,
    classes: Annotated[
        str, typer.Option(help="Comma list of workload classes; all when not given.")
    ] = "",
    reprocess: Annotated[
        bool, typer.Option("--reprocess", help="Work again on records that have their end already.")
    ] = False,
) -> None:
    """Take events, call Claude, publish results. SIGTERM drains, then exits 0."""
    settings, folder = settings_and_folder(config)
    chosen = _classes(classes)
    from agents import catalog
    from streams.app import Worker

    logbook.configure(settings.log.format)
    tasks = catalog.load(settings, folder)
    run(_serve(Worker(settings, tasks, chosen, reprocess=reprocess)))


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
    failure: Problem | None = None
    try:
        await _run_until(stop, service)
    except Problem as problem:
        failure = problem
    finally:
        left = await service.stop()
        if left:
            told = {"event": "gave_up", "records": left}
            log.warning("gave up %d records; their next reader takes them again", left, extra=told)
    if service.abandoned:
        _end_now(failure)
    if failure:
        raise failure


async def _run_until(stop: asyncio.Event, service: "Worker") -> None:
    starting = asyncio.create_task(service.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        logbook.listen(logging.WARNING)
        up = {"event": "worker_up", "port": service.web.port}
        log.info("headrace worker is up, web on port %s", service.web.port, extra=up)
        await stopping
    else:
        starting.cancel()
        await asyncio.wait({starting})
    stopping.cancel()


def _end_now(failure: Problem | None) -> NoReturn:
    """End although threads of Kafka's clients still wait for a broker that is not there."""
    if failure:
        typer.echo(f"headrace: {failure}", err=True)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(failure.exit_status if failure else 0)
