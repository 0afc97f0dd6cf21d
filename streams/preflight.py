"""What is checked before the first record is taken; each problem is one clear line."""

import asyncio
import difflib
import logging
from collections.abc import Iterable

from agents.catalog import Catalog
from agents.claude.client import Client
from agents.claude.errors import ClaudeError
from agents.task import Task
from schemas.problem import Problem
from schemas.sections import Budget
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


def unused_limits(budget: Budget, tasks: Iterable[Task]) -> list[str]:
    """Name the models that have limits in the settings and no task: most likely a typing error."""
    used = {task.model for task in tasks}
    named = [limit.models for limit in budget.ceilings]
    return [", ".join(models) for models in named if not used & set(models)]


def small_limits(budget: Budget, tasks: Iterable[Task]) -> list[str]:
    """Name the tasks of which one call is more than a minute's limit; those go one by one."""
    limits = {model: limit for limit in budget.ceilings for model in limit.models}
    found = []
    for task in tasks:
        limit = limits.get(task.model or "")
        if limit is None:
            continue
        for needed, allowed, unit in (
            (len(task.instructions) / BYTES_PER_TOKEN, limit.input_tokens_per_minute, "input"),
            (task.max_output_tokens, limit.output_tokens_per_minute, "output"),
        ):
            if allowed is not None and needed > allowed:
                found.append(
                    f"task {task.name!r} takes {needed:.0f} {unit} tokens a call or more, and "
                    f"[budget] allows {allowed} a minute to {task.model}: each call waits for a "
                    "full bucket and goes alone"
                )
    return found


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
