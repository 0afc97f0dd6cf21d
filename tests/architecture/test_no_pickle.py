"""Bytes from outside are data: nothing that reads them can run code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "agents", "streams")
MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}


def dangers(source: str) -> set[str]:
    """Return the modules and built-in functions in a source that make code of bytes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module).partition(".")[0]} & MODULES
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= {node.func.id} & CALLS
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_makes_code_of_bytes(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    assert {str(file): found for file in files if (found := dangers(file.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "source", ["import pickle", "from marshal import loads", "import yaml.x", "x = eval('1')"]
)
def test_it_would_be_seen(source: str) -> None:
    assert dangers(source)
