"""Task: what is asked of Claude for an event. The extension point of headrace."""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from pydantic import BaseModel

from agents.context import ContextSource
from agents.prompts import LAYOUT
from schemas.problem import Problem
from schemas.request import Effort, Thinking
from schemas.workload import WorkloadClass

TASK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")

# Gets the event and the validated output; returns what is wrong with it, if anything.
Check = Callable[[Any, Any], Iterable[str] | None]


class TaskError(Problem):
    """A task is declared wrongly."""

    exit_status = 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind of work. Make it an attribute of a module that `[app] tasks` names.

    `model` is the class's model unless given. `effort` and `thinking` default to what suits
    labelling: low, and disabled where the model allows it. `checks` see what a schema cannot say;
    their problems lead to one repair turn. With `ordered`, later events of one conversation in a
    partition wait for the earlier one's end. Raises TaskError.
    """

    name: str
    workload: WorkloadClass
    output: type[BaseModel]
    instructions: str
    max_output_tokens: int
    model: str | None = None
    context: tuple[ContextSource, ...] = ()
    checks: tuple[Check, ...] = ()
    effort: Effort | None = None
    thinking: Thinking = "default"
    default: bool = False
    ordered: bool = False

    def __post_init__(self) -> None:
        """Accept a plain text as workload and lists as tuples; refuse what cannot work."""
        object.__setattr__(self, "context", tuple(self.context))
        object.__setattr__(self, "checks", tuple(self.checks))
        if problem := _problem(self):
            raise TaskError(f"task {self.name!r}: {problem}")
        object.__setattr__(self, "workload", WorkloadClass(self.workload))

    @cached_property
    def version(self) -> str:
        """Eight hex digits that change with anything that shapes the prompt or the output."""
        shape = {
            "layout": LAYOUT,
            "model": self.model,
            "instructions": self.instructions,
            "schema": self.output.model_json_schema(),
            "validators": _source(self.output),
            "max_output_tokens": self.max_output_tokens,
            "effort": self.effort,
            "thinking": self.thinking,
            "context": [source.name for source in self.context],
            "checks": [_source(check) for check in self.checks],
        }
        return hashlib.sha256(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]


def _problem(task: Task) -> str:
    classes = [workload.value for workload in WorkloadClass]
    if not TASK_NAME.fullmatch(str(task.name)):
        return "name takes letters, digits, '_', '-' and '.', at most 100"
    if task.workload not in classes:
        return f"workload is one of {', '.join(classes)}, not {task.workload!r}"
    output: object = task.output
    if not (inspect.isclass(output) and issubclass(output, BaseModel)):
        return "output is a class that derives from schemas.OutputModel"
    if not task.instructions.strip():
        return "instructions must not be blank"
    if task.max_output_tokens < 1:
        return "max_output_tokens must be at least 1"
    return ""


def _source(check: Check | type[BaseModel]) -> str:
    try:
        return inspect.getsource(check)
    except (OSError, TypeError):  # made at run time, or an object with __call__
        return getattr(check, "__qualname__", type(check).__qualname__)
