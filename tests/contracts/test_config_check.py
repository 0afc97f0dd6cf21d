"""`headrace config check` says what of the store may lose records, and fails for none of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.cli.config import check
from tests.redis_server import RedisServer, free_port

Check = Callable[[str], list[str]]
VALID = "settings are valid; tasks: assist, extract, review, triage\n"


@pytest.fixture
def warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def checked(url: str) -> list[str]:
        file = tmp_path / "headrace.toml"
        file.write_text(f'[store]\nurl = "{url}"\n')
        check(config=file)
        out, err = capsys.readouterr()
        assert out == VALID
        return err.splitlines()

    return checked


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, "--appendonly", "yes")
    server.start()
    yield server
    server.kill()


def test_memory_forgets(warnings: Check) -> None:
    (line,) = warnings("memory://")
    assert line.startswith("warning: memory:// keeps nothing over a restart")


def test_a_file_is_not_made_and_leaves_no_doubt(warnings: Check, tmp_path: Path) -> None:
    assert warnings(f"sqlite:{tmp_path / 'state.db'}") == []
    assert not (tmp_path / "state.db").exists()


def test_a_folder_that_is_not_there(warnings: Check, tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/nowhere/state.db"
    assert warnings(url) == [f"warning: {url}: No such file or directory"]


def test_a_redis_that_may_forget(warnings: Check, redis_server: RedisServer) -> None:
    (line,) = warnings(redis_server.url)
    assert line.startswith(f"warning: {redis_server.url}: appendonly is no, should be yes")


def test_a_redis_that_keeps_all(warnings: Check, durable: RedisServer) -> None:
    assert warnings(durable.url) == []


def test_a_redis_that_is_not_there_is_no_failure(warnings: Check) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}/0"
    (line,) = warnings(url)
    assert line.startswith("warning: redis://127.0.0.1:")
    assert "secret" not in line


def test_a_redis_that_does_not_answer_is_given_up(warnings: Check, durable: RedisServer) -> None:
    durable.freeze()
    assert warnings(durable.url) == [f"warning: {durable.url}: no answer in 2 s"]
    durable.thaw()
