import asyncio
import json
from pathlib import Path

import pytest

from schemas.variables import CONFIG_VARIABLE
from streams.cli.options import json_text, one_line, printable, run, settings_and_folder


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


def test_data_cannot_look_like_a_line_of_its_own() -> None:
    lines = "a\nb\r\nc\x0bd\u2028e\x85f"
    assert one_line(lines) == "a b c d e f"


@pytest.mark.parametrize("text", ["plain \N{EURO SIGN}", "\x1b\x9b\u202e\U000e0001\ud7ff\x7f\n"])
def test_json_steers_no_terminal_and_means_the_same(text: str) -> None:
    shown = json_text(json.dumps({"a": text}, ensure_ascii=False, indent=2).encode())
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert json.loads(shown) == {"a": text}
