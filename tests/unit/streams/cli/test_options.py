import asyncio
from pathlib import Path

import pytest

from schemas.settings import CONFIG_VARIABLE
from streams.cli.options import printable, run, settings_and_folder


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "plain, \N{EURO SIGN} and \N{GRINNING FACE}",
            "plain, \N{EURO SIGN} and \N{GRINNING FACE}",
        ),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J", "\N{REPLACEMENT CHARACTER}[2J"),
        ("\x9b31m\x07\r", "\N{REPLACEMENT CHARACTER}31m" + "\N{REPLACEMENT CHARACTER}" * 2),
        ("\u202egnp.exe", "\N{REPLACEMENT CHARACTER}gnp.exe"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_command_runs_on_a_loop_of_its_own() -> None:
    async def name_of_the_loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run(name_of_the_loop()) == "uvloop"


def test_tasks_are_looked_for_beside_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('[app]\nname = "acme"\n')
    settings, folder = settings_and_folder(file)
    assert (settings.app.name, folder) == ("acme", tmp_path.resolve())


def test_tasks_are_looked_for_here_without_a_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    settings, folder = settings_and_folder(None)
    assert (settings.app.name, folder) == ("headrace", Path.cwd())
