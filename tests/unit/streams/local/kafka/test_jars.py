import hashlib
import threading
from pathlib import Path

import pytest

from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.jars import (
    DOWNLOAD_ATTEMPTS,
    Jar,
    cache_directory,
    fetch_jars,
    locked_jars,
    parse_lock,
)


class Repository:
    """Serves bytes by coordinate as a Maven repository would, and counts what was asked."""

    def __init__(self, served: dict[str, bytes], *, cuts: int = 0) -> None:
        self._served = served
        self._cuts = cuts
        self._lock = threading.Lock()
        self.asked: list[str] = []

    def download(self, jar: Jar, scratch: Path) -> Path:
        with self._lock:
            self.asked.append(jar.coordinate)
            self._cuts -= 1
        file = scratch / jar.file_name
        assert not file.exists()
        if self._cuts >= 0:
            file.write_bytes(b"ha")
            raise ConnectionError("cut")
        file.write_bytes(self._served[jar.coordinate])
        return file


def jar(name: str, content: bytes) -> Jar:
    sha256 = hashlib.sha256(content).hexdigest()
    return Jar(group="org.example", artifact=name, version="1.0", sha256=sha256)


ONE, TWO = jar("one", b"first"), jar("two", b"second")
GOOD = {"org.example:one:1.0": b"first", "org.example:two:1.0": b"second"}


def kept(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {"fetch.flock"}


def test_lock_of_this_package_is_one_kafka() -> None:
    jars = locked_jars()
    assert len({j.file_name for j in jars}) == len(jars)
    assert "org.apache.kafka:kafka_2.13:4.4.0" in {j.coordinate for j in jars}
    assert all(len(j.sha256) == 64 for j in jars)


def test_lock_line_is_sum_and_coordinate() -> None:
    [read] = parse_lock(f"{ONE.sha256}  org.example:one:1.0\n")
    assert read == ONE
    assert read.file_name == "one-1.0.jar"


def test_jars_are_fetched_once(tmp_path: Path) -> None:
    repository = Repository(GOOD)
    first = fetch_jars([ONE, TWO], tmp_path, download=repository.download)
    second = fetch_jars([ONE, TWO], tmp_path, download=repository.download)
    assert first == second == [tmp_path / "one-1.0.jar", tmp_path / "two-1.0.jar"]
    assert sorted(repository.asked) == [ONE.coordinate, TWO.coordinate]
    assert kept(tmp_path) == {"one-1.0.jar", "two-1.0.jar"}


def test_damaged_jar_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "one-1.0.jar").write_bytes(b"fir")
    repository = Repository(GOOD)
    [file] = fetch_jars([ONE], tmp_path, download=repository.download)
    assert file.read_bytes() == b"first"


def test_wrong_hash_is_an_error_and_keeps_nothing(tmp_path: Path) -> None:
    repository = Repository({"org.example:one:1.0": b"something else"})
    with pytest.raises(LocalKafkaError, match=r"org.example:one:1.0 .* SHA-256 is not the one"):
        fetch_jars([ONE], tmp_path, download=repository.download)
    assert kept(tmp_path) == set()


def test_cut_download_is_tried_again_and_leaves_nothing(tmp_path: Path) -> None:
    repository = Repository(GOOD, cuts=DOWNLOAD_ATTEMPTS - 1)
    [file] = fetch_jars([ONE], tmp_path, download=repository.download)
    assert file.read_bytes() == b"first"
    assert kept(tmp_path) == {"one-1.0.jar"}


def test_killed_fetch_is_cleaned_up_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "download" / "tmp1").mkdir(parents=True)
    (tmp_path / "download" / "tmp1" / "one-1.0.jar").write_bytes(b"fi")
    fetch_jars([ONE], tmp_path, download=Repository(GOOD).download)
    assert kept(tmp_path) == {"one-1.0.jar"}


def test_no_network_names_the_jar_and_what_must_be_reachable(tmp_path: Path) -> None:
    repository = Repository(GOOD, cuts=DOWNLOAD_ATTEMPTS)
    with pytest.raises(LocalKafkaError, match=r"org.example:one:1.0 .*Maven repository") as raised:
        fetch_jars([ONE], tmp_path, download=repository.download)
    assert "\n" not in str(raised.value)
    assert kept(tmp_path) == set()


def test_progress_counts_what_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "two-1.0.jar").write_bytes(b"second")
    said: list[str] = []
    fetch_jars([ONE, TWO], tmp_path, download=Repository(GOOD).download, on_progress=said.append)
    assert said == ["fetching Kafka (2 jars, once) 2/2"]


def test_two_fetches_at_once_ask_once(tmp_path: Path) -> None:
    repository = Repository(GOOD)

    def fetch() -> None:
        fetch_jars([ONE, TWO], tmp_path, download=repository.download)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(repository.asked) == [ONE.coordinate, TWO.coordinate]


def test_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "headrace" / "kafka"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_directory() == Path.home() / ".cache" / "headrace" / "kafka"


def test_progress_of_all_jars_is_few_lines(tmp_path: Path) -> None:
    files = {f"org.example:n{n}:1.0": b"%d" % n for n in range(45)}
    jars = [
        Jar(
            group="org.example",
            artifact=f"n{n}",
            version="1.0",
            sha256=hashlib.sha256(b"%d" % n).hexdigest(),
        )
        for n in range(45)
    ]
    said: list[str] = []
    fetch_jars(jars, tmp_path, download=Repository(files).download, on_progress=said.append)
    assert [line.rpartition(" ")[2] for line in said] == ["15/45", "30/45", "45/45"]
