import os
from pathlib import Path

import pytest

from schemas.sections import ConfigurationError
from schemas.settings import load
from schemas.variables import origins


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("HEADRACE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "key", "is_origin"),
    [
        ("HEADRACE_WEB__PORT", "x", ("web", "port"), True),
        ("headrace_web__port", "x", ("web", "port"), True),
        ("HEADRACE_WEB__HOST", "x", ("web", "port"), False),
        ("HEADRACE_WEB__HOST", "0.0.0.0", ("web",), True),
        ("HEADRACE_KAFKA", '{"partitions": 0}', ("kafka", "partitions"), True),
        ("HEADRACE_KAFKA", '{"partitions": 0}', ("kafka", "replication_factor"), False),
        ("HEADRACE_BUDGET__LIMITS", "[{}]", ("budget", "limits", 0, "models"), True),
        ("HEADRACE_CONFIG", "x", ("config",), False),
        ("OTHER_WEB__PORT", "x", ("web", "port"), False),
    ],
)
def test_variable_of_a_key(name: str, value: str, key: tuple[str, ...], is_origin: bool) -> None:  # noqa: FBT001 - a column of the table
    assert origins(key, {name: value}) == ([name] if is_origin else [])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HEADRACE_WEB__PORT", "70000", "not '70000' (from HEADRACE_WEB__PORT)"),
        ("HEADRACE_WEB__PROT", "1", "web.prot: no such setting (from HEADRACE_WEB__PROT)"),
        ("HEADRACE_WEB__HOST", "0.0.0.0", "token_file (from HEADRACE_WEB__HOST)"),
        (
            *("HEADRACE_APP__TASKS", "acme"),
            "environment: HEADRACE_APP__TASKS: tables and lists are JSON",
        ),
        ("HEADRACE_APP", "acme", "environment: HEADRACE_APP: tables and lists are JSON"),
    ],
)
def test_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value).endswith(expected)


def test_value_of_the_file_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("headrace.toml").write_text("[web]\nport = 70000")
    monkeypatch.setenv("HEADRACE_WEB__HOST", "127.0.0.1")
    with pytest.raises(ConfigurationError, match=r"not 70000$"):
        load()
