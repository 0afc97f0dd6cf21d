import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.catalog import Catalog, load
from agents.task import TaskError
from schemas.sections import Classes
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from tests.builders import task

MODULE = """
from agents import Task
from schemas import OutputModel

class Out(OutputModel):
    label: str

made = Task(name="made", workload="batch", output=Out, instructions="x", max_output_tokens=9)
again = made
"""


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def settings(*tasks: str, model: str = "claude-haiku-5-5") -> Settings:
    return Settings.model_validate(
        {"app": {"tasks": tasks}, "classes": {"batch": {"model": model}}}
    )


def problem(folder: Path, *tasks: str) -> str:
    with pytest.raises(TaskError) as caught:
        load(settings(*tasks), folder)
    return str(caught.value)


def test_built_in_tasks_are_each_the_default_of_their_class(tmp_path: Path) -> None:
    catalog = load(settings("agents.workloads"), tmp_path)
    defaults = [catalog.find(workload, None) for workload in WorkloadClass]
    assert [found and found.name for found in defaults] == ["triage", "assist", "extract", "review"]
    assert repr(catalog) == "Catalog(assist, extract, review, triage)"


def test_module_of_the_folder_is_found_and_each_task_counts_once(tmp_path: Path) -> None:
    (tmp_path / "acme_a.py").write_text(MODULE)
    (tmp_path / "acme_b.py").write_text("from acme_a import made\n")
    catalog = load(settings("acme_a", "acme_b"), tmp_path)
    assert [found.name for found in catalog] == ["made"]


def test_module_of_the_folder_shadows_no_installed_one(tmp_path: Path) -> None:
    before = list(sys.path)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "workloads.py").write_text("1 / 0\n")
    (tmp_path / "acme_f.py").write_text(MODULE)
    catalog = load(settings("agents.workloads", "acme_f"), tmp_path)
    assert repr(catalog) == "Catalog(assist, extract, made, review, triage)"
    assert sys.path == [*before, str(tmp_path)]
    load(settings("acme_f"), tmp_path)
    assert sys.path == [*before, str(tmp_path)]


def test_task_takes_the_model_of_its_class_unless_it_names_one() -> None:
    classes = Classes.model_validate({"batch": {"model": "claude-opus-5-5"}})
    plain = task(name="a", workload="batch", model=None)
    own = task(name="b", workload="batch", model="claude-sonnet-5-5")
    assert [found.model for found in Catalog([plain, own], classes)] == [
        "claude-opus-5-5",
        "claude-sonnet-5-5",
    ]


def test_task_is_found_by_its_name_within_its_class_only() -> None:
    catalog = Catalog([task(name="a")], Classes())
    assert catalog.find(WorkloadClass.REALTIME, "a") is catalog.named("a")
    assert catalog.find(WorkloadClass.BATCH, "a") is None
    assert catalog.find(WorkloadClass.REALTIME, "b") is None
    assert catalog.find(WorkloadClass.REALTIME, "") is None
    assert catalog.named("b") is None


def test_class_without_a_default_has_none() -> None:
    assert Catalog([task(name="a")], Classes()).find(WorkloadClass.REALTIME, None) is None


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(TaskError, match="task 'a' is declared twice"):
        Catalog([task(name="a"), task(name="a", workload="batch")], Classes())


def test_two_defaults_of_one_class_are_refused() -> None:
    pair = [task(name="a", default=True), task(name="b", default=True)]
    with pytest.raises(TaskError, match="'a' and 'b' are both the default of realtime"):
        Catalog(pair, Classes())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import absent_module", "ModuleNotFoundError: No module named 'absent_module'"),
        ("def broken(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("from schemas import Document\nDocument()", "ValidationError: "),
    ],
)
def test_module_that_cannot_be_imported_is_one_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "acme_c.py").write_text(text)
    found = problem(tmp_path, "acme_c")
    assert found.startswith(f"app.tasks: cannot import acme_c: {expected}")
    assert len(found.splitlines()) == 1


def test_missing_module_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path, "acme_d").startswith("app.tasks: cannot import acme_d: ModuleNotFound")


def test_task_that_is_declared_wrongly_speaks_for_itself(tmp_path: Path) -> None:
    (tmp_path / "acme_e.py").write_text(MODULE.replace('"batch"', '"soon"'))
    assert problem(tmp_path, "acme_e").startswith("task 'made': workload is one of")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\n\n1 / 0\n", " (acme_g.py, line 3)"),
        ("def f():\n    1 / 0\nf()\n", " (acme_g.py, line 3)"),
        ("\nimport acme_inner\n", " (acme_inner.py, line 2)"),
        ("x = 1\n" + MODULE.replace('"batch"', '"soon"'), " (acme_g.py, line 9)"),
        ("\ndef broken(:\n", " (acme_g.py, line 2)"),
    ],
)
def test_module_that_fails_names_file_and_line(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "acme_inner.py").write_text("\nnothing_of_that_name\n")
    (tmp_path / "acme_g.py").write_text(text)
    assert problem(tmp_path, "acme_g").endswith(place)
