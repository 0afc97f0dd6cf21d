"""The catalog: finds the tasks in the built-in and the user's own modules."""

import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb

from agents.task import Task, TaskError
from schemas.sections import Classes
from schemas.settings import Settings
from schemas.workload import WorkloadClass

# What Python calls the code of a module outside its functions.
MODULE = "<module>"


class Catalog:
    """Tasks by name, and the default task of each class. Raises TaskError."""

    def __init__(self, tasks: Iterable[Task], classes: Classes) -> None:
        self._tasks: dict[str, Task] = {}
        self._defaults: dict[WorkloadClass, Task] = {}
        for declared in tasks:
            model = declared.model or classes.of(declared.workload).model
            self._add(replace(declared, model=model))

    def __repr__(self) -> str:
        return f"Catalog({', '.join(sorted(self._tasks))})"

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def find(self, workload: WorkloadClass, name: str | None) -> Task | None:
        """Return the task of that name, or the class's default; None if it is not of the class."""
        if name is None:
            return self._defaults.get(workload)
        task = self._tasks.get(name)
        return task if task is not None and task.workload is workload else None

    def named(self, name: str) -> Task | None:
        """Return the task of that name, of whatever class."""
        return self._tasks.get(name)

    def _add(self, task: Task) -> None:
        if task.name in self._tasks:
            raise TaskError(f"task {task.name!r} is declared twice")
        self._tasks[task.name] = task
        if task.default:
            if other := self._defaults.get(task.workload):
                raise TaskError(
                    f"{other.name!r} and {task.name!r} are both the default of {task.workload}"
                )
            self._defaults[task.workload] = task


def load(settings: Settings, folder: Path) -> Catalog:
    """Import the modules of `[app] tasks`; `folder` is searched last. Raises TaskError."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return Catalog(_declared(settings.app.tasks), settings.classes)


def _declared(modules: Sequence[str]) -> list[Task]:
    """Every task once, though several modules may import it."""
    found: dict[int, Task] = {}
    for name in modules:
        try:
            module = importlib.import_module(name)
        except TaskError as problem:
            raise TaskError(f"{problem}{_place(problem)}") from problem
        except Exception as problem:
            said = " ".join(str(problem).split())  # one line, whatever the module raised
            raise TaskError(
                f"app.tasks: cannot import {name}: {type(problem).__name__}: {said}"
                f"{_place(problem)}"
            ) from problem
        found |= {id(value): value for value in vars(module).values() if isinstance(value, Task)}
    return list(found.values())


def _place(problem: Exception) -> str:
    """Name file and line of the innermost module that was being imported."""
    if isinstance(problem, SyntaxError):
        return ""  # its text says where
    lines = [(f.filename, f.lineno) for f in extract_tb(problem.__traceback__) if f.name == MODULE]
    return f" ({Path(lines[-1][0]).name}, line {lines[-1][1]})" if lines else ""
