"""`headrace try`: one event through a task, without Kafka."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.problem import Problem
from streams.cli.options import AsJson, Config, json_text, printable, run, settings_and_folder

if TYPE_CHECKING:
    from agents.pipeline import Work
    from schemas.outcome import Outcome
    from schemas.settings import Settings

# A person waits: longer holds are reported, not waited for.
PATIENCE_S = 30.0
HINTS = {
    "configuration": "; check ANTHROPIC_API_KEY, the model's name and the account",
    "outage": "; check ANTHROPIC_BASE_URL and the network",
}


class TryFailed(Problem):
    """The event got no result."""


class WrongInput(Problem):
    """The task or the event cannot be used."""

    exit_status = 2


def tryout(
    task: Annotated[str, typer.Argument(help="Name of a task, such as triage.")],
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="An event as JSON, or just its text; '-' or nothing: standard input."),
    ] = "-",  # type: ignore[assignment]  # typer opens it
    show_prompt: Annotated[bool, typer.Option(help="Print the prompt first.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Run one event through a task: output, usage, cost."""
    settings, folder = settings_and_folder(config)
    from agents import catalog

    found = catalog.load(settings, folder).named(task)
    if found is None:
        raise WrongInput(f"no task {task!r} in {', '.join(settings.app.tasks)}")
    work = _work(file.read(), found, settings)
    if show_prompt:
        _print_prompt(work)
    outcome = run(_answer(work, settings))
    _print(outcome, as_json)


def _work(value: bytes, task: object, settings: "Settings") -> "Work":
    import orjson

    from agents.claude.gateway import Place
    from agents.pipeline import Work
    from agents.task import Task
    from streams.codec import Undecodable, decode
    from streams.record import Record

    assert isinstance(task, Task)  # noqa: S101 - for the type checker
    try:
        is_event = isinstance(orjson.loads(value), dict)
    except orjson.JSONDecodeError:
        is_event = False
    if not is_event:
        value = orjson.dumps({"id": "try", "text": value.decode("utf-8", "replace")})
    record = Record(topic="", partition=0, offset=0, timestamp=0, key=None, value=value)
    event = decode(record, task.workload, settings.app.max_event_bytes)
    if isinstance(event, Undecodable):
        raise WrongInput(f"{event.disposition}: {event.to_producer}")
    place = Place(workload=task.workload, deadline=time.time() + PATIENCE_S)
    return Work(event=event, task=task, place=place)


async def _answer(work: "Work", settings: "Settings") -> "Outcome":
    import asyncio

    from agents.claude.client import Client
    from agents.claude.gateway import Gateway
    from agents.pipeline import Pipeline
    from schemas.observation import Silent
    from schemas.outcome import Held, Progress
    from streams.allocation import allocation_of

    async with Client() as client:
        pipeline = Pipeline(Gateway(client, allocation_of(settings), Silent()), Silent())
        progress, began = Progress(), time.monotonic()
        while True:
            outcome = await pipeline.run(work, progress)
            left = began + PATIENCE_S - time.monotonic()
            wait = outcome.until - time.monotonic() if isinstance(outcome, Held) else 0
            if not isinstance(outcome, Held) or outcome.reason == "configuration" or wait > left:
                return outcome
            progress = outcome.progress
            await asyncio.sleep(max(0, wait))


def _print_prompt(work: "Work") -> None:
    from agents.prompts import system_blocks, user_turn

    for block in system_blocks(work.task.instructions):
        typer.echo(f"--- system{' (cached)' if block.cached else ''}\n{printable(block.text)}")
    typer.echo(f"--- user\n{printable(user_turn(work.event.body, {}).text)}\n---")


def _print(outcome: "Outcome", as_json: bool) -> None:
    import orjson

    from schemas.outcome import Completed, Held
    from schemas.usage import microusd

    progress = outcome.progress
    facts = {
        "usage": progress.usage.model_dump(),
        "cost_microusd": microusd(progress.cost_nanousd),
        "attempts": progress.calls,
        "claude_ms": round(progress.claude_s * 1000, 1),
    }
    if not isinstance(outcome, Completed):
        hint = HINTS.get(outcome.reason, "") if isinstance(outcome, Held) else ""
        raise TryFailed(f"no result: {outcome.failure.message}{hint}")
    output = orjson.loads(outcome.output)
    if as_json:
        typer.echo(json_text(orjson.dumps({"output": output, **facts})))
        return
    typer.echo(printable(orjson.dumps(output, option=orjson.OPT_INDENT_2).decode()))
    usage = ", ".join(f"{name} {count}" for name, count in facts["usage"].items())  # type: ignore[attr-defined]
    typer.echo(
        f"{usage}; {facts['cost_microusd']} micro-dollars; {facts['claude_ms']} ms", err=True
    )
