from pathlib import Path

import pytest

from streams.local.kafka.class_cache import (
    ClassCache,
    adopt_recordings,
    class_cache,
    drop_recordings,
)
from streams.local.kafka.java import Java

JAVA_17 = Java(path=Path("java"), major=17, build="a")
JAVA_25 = Java(path=Path("java"), major=25, build="b")


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    file = tmp_path / "kafka.jar"
    file.write_bytes(b"classes")
    return file


def recorded(cache: ClassCache, node: Path, content: bytes) -> Path:
    """Write what Java leaves in the node's folder at a clean exit."""
    node.mkdir(exist_ok=True)
    [option, *_] = cache.record_flags(node)
    recording = Path(option.partition("=")[2])
    recording.write_bytes(content)
    return recording


def test_archive_is_of_one_java_and_one_set_of_jars(tmp_path: Path, jar: Path) -> None:
    before = class_cache(JAVA_25, [jar], tmp_path)
    assert before == class_cache(JAVA_25, [jar], tmp_path)
    assert before.archive != class_cache(JAVA_17, [jar], tmp_path).archive
    jar.write_bytes(b"other classes")
    assert before.archive != class_cache(JAVA_25, [jar], tmp_path).archive


@pytest.mark.parametrize(
    ("java", "record", "read"),
    [
        (JAVA_17, "-XX:ArchiveClassesAtExit=", "-XX:SharedArchiveFile="),
        (JAVA_25, "-XX:AOTCacheOutput=", "-XX:AOTCache="),
    ],
)
def test_java_is_told_to_record_then_to_read(
    tmp_path: Path, jar: Path, java: Java, record: str, read: str
) -> None:
    cache = class_cache(java, [jar], tmp_path)
    assert cache.read_flags() == []
    assert cache.record_flags(tmp_path)[0].startswith(record)
    recorded(cache, tmp_path / "node-1", b"archive")
    adopt_recordings(tmp_path / "node-1", tmp_path)
    assert cache.exists
    assert cache.read_flags()[0] == f"{read}{cache.archive}"


def test_first_recording_wins(tmp_path: Path, jar: Path) -> None:
    cache, node = class_cache(JAVA_25, [jar], tmp_path), tmp_path / "node-1"
    for content in (b"first", b"second"):
        recording = recorded(cache, node, content)
        adopt_recordings(node, tmp_path)
        assert not recording.exists()
    assert cache.archive.read_bytes() == b"first"


def test_half_recording_is_dropped(tmp_path: Path, jar: Path) -> None:
    cache = class_cache(JAVA_25, [jar], tmp_path)
    recording = recorded(cache, tmp_path / "node-1", b"ar")
    drop_recordings(tmp_path / "node-1")
    assert not recording.exists()
    assert not cache.exists


def test_discarded_archive_is_recorded_anew(tmp_path: Path, jar: Path) -> None:
    cache = class_cache(JAVA_25, [jar], tmp_path)
    cache.archive.write_bytes(b"damaged")
    cache.discard()
    cache.discard()
    assert cache.read_flags() == []
