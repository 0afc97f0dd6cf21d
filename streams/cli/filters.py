"""The filter options that all commands over dead letters share."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.dead_letter import Disposition
from schemas.problem import Problem
from schemas.workload import WorkloadClass

if TYPE_CHECKING:
    from streams.replay.letters import Filter

_AGO = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class WrongTime(Problem):
    """A time cannot be read."""

    exit_status = 2


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filter options; it gets them as one Filter, its first argument."""
    own = [
        option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for option in list(inspect.signature(command).parameters.values())[1:]
    ]
    options = list(inspect.signature(_filter).parameters.values())

    @wraps(command)
    def wrapped(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
        chosen = {option.name: given.pop(option.name) for option in options}
        command(_filter(**chosen), **given)

    wrapped.__signature__ = inspect.Signature(options + own)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in options + own}
    return wrapped


def _filter(
    *,
    workload: Annotated[
        WorkloadClass | None, typer.Option("--class", help="One workload class.")
    ] = None,
    disposition: Annotated[Disposition | None, typer.Option(help="One disposition.")] = None,
    task: Annotated[str | None, typer.Option(help="One task.")] = None,
    error: Annotated[str | None, typer.Option(help="Error class or error type.")] = None,
    since: Annotated[
        str | None, typer.Option(help="At or after: RFC 3339, or 90s, 15m, 2h, 1d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before; written as --since.")] = None,
    key: Annotated[str | None, typer.Option(help="Kafka key.")] = None,
    letter_id: Annotated[str | None, typer.Option("--id", help="Letter id or event id.")] = None,
) -> "Filter":
    from streams.replay.letters import Filter

    return Filter(
        workload=workload,
        disposition=disposition,
        task=task,
        error=error,
        since=_time(since),
        until=_time(until),
        key=key,
        id=letter_id,
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if text[-1:] in _AGO and text[:-1].isdecimal():
            return datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * _AGO[text[-1]])
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WrongTime(f"{text!r} is no time: 2026-11-22T12:00:00Z, or 15m, 2h, 1d") from None
    if time.tzinfo is None:
        raise WrongTime(f"{text!r} has no zone: add Z or an offset")
    return time
