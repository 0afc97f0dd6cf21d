"""What is checked before the first record is taken; each problem is one clear line."""

import asyncio
import difflib
import logging
from collections.abc import Iterable, Iterator

from agents.catalog import Catalog
from agents.claude.client import Client
from agents.claude.errors import ClaudeError
from agents.task import Task
from schemas.problem import Problem
from schemas.sections import Budget, Limit
from schemas.workload import WorkloadClass

log = logging.getLogger("headrace")

REFUSED = (401, 403)
# Connections opened before the first event; more come with the calls.
FIRST_CONNECTIONS = 8
# More than any tokenizer puts into a token of prose: what it says is needed is needed.
BYTES_PER_TOKEN = 5


class StartRefused(Problem):
    """The worker cannot start; the message names what to change."""


async def reach_api(client: Client, tasks: Iterable[Task]) -> bool:
    """Whether the API is there; opens connections for the first calls. Raises StartRefused.

    An API that is away is no reason not to start: records wait in Kafka meanwhile.
    """
    try:
        offered = await client.models()
        await _require_models(client, tasks, offered)
        await client.warm(FIRST_CONNECTIONS)
    except ClaudeError as problem:
        if problem.status in REFUSED or problem.error_type == "no_key":
            raise StartRefused(
                f"the Claude API refuses the key ({problem}): set ANTHROPIC_API_KEY"
            ) from problem
        log.warning(
            "the Claude API is not there yet: %s", problem, extra={"event": "api_unreachable"}
        )
        return False
    except TimeoutError:
        log.warning("the Claude API is slow to connect to", extra={"event": "api_slow"})
    return True


def tasks_of(catalog: Catalog, classes: Iterable[WorkloadClass]) -> tuple[Task, ...]:
    """Return the tasks that these classes may be asked for."""
    return tuple(task for task in catalog if task.workload in set(classes))


def doubts(budget: Budget, tasks: Iterable[Task]) -> list[str]:
    """Return a line for each limit that was hardly meant so."""
    asked = tuple(tasks)
    return [*_unused_limits(budget, asked), *_small_limits(budget, asked)]


def _unused_limits(budget: Budget, tasks: tuple[Task, ...]) -> list[str]:
    used = {task.model for task in tasks}
    return [
        f"[budget] limits {', '.join(limit.models)}, a model that no task of this worker uses"
        for limit in budget.ceilings
        if not used & set(limit.models)
    ]


def _small_limits(budget: Budget, tasks: tuple[Task, ...]) -> list[str]:
    limits = {model: limit for limit in budget.ceilings for model in limit.models}
    return [
        line
        for task in tasks
        if (limit := limits.get(task.model or "")) is not None
        for line in _too_small(task, limit)
    ]


def _too_small(task: Task, limit: Limit) -> Iterator[str]:
    for needed, allowed, unit in (
        (len(task.instructions) / BYTES_PER_TOKEN, limit.input_tokens_per_minute, "input"),
        (task.max_output_tokens, limit.output_tokens_per_minute, "output"),
    ):
        if allowed is not None and needed > allowed:
            yield (
                f"task {task.name!r} may take {needed:.0f} {unit} tokens a call or more, and "
                f"[budget] allows {allowed} a minute to {task.model}: each call waits for a "
                "full bucket and goes alone"
            )


async def _require_models(client: Client, tasks: Iterable[Task], offered: frozenset[str]) -> None:
    asked = {task.model or "": task for task in tasks}
    missing = [model for model in sorted(asked) if model not in offered]
    known = await asyncio.gather(*(client.knows(model) for model in missing))  # may be an alias
    for model, is_known in zip(missing, known, strict=True):
        if not is_known:
            near = difflib.get_close_matches(model, offered, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "."
            raise StartRefused(
                f"the Claude API has no model {model!r}, which task {asked[model].name!r} asks "
                f"for{hint} Set [classes.{asked[model].workload}] model, or the task's own."
            )
