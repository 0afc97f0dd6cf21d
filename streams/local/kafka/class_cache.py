"""Kafka's classes, parsed and linked once and mapped into memory at each later start."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streams.local.kafka.java import Java

AOT_MAJOR = 25  # from Java 25 on one option records an AOT cache; before, a dynamic CDS archive
RECORDING = "recording-"  # and the name of the archive that it will be
QUIET = ("-Xlog:disable", "-Xlog:all=error:stderr")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCache:
    """The archive for one Java and one set of jars; a broker records it when it stops.

    Recording during a first real run costs 0.3 s at its start and 2 to 6 s at its stop. A run
    only for recording would cost the first user 4 to 8 s before anything happens.
    """

    archive: Path
    java_major: int

    @property
    def exists(self) -> bool:
        """Whether a recording has been adopted."""
        return self.archive.exists()

    def read_flags(self) -> list[str]:
        """Java options that use the archive; none while there is no archive."""
        if not self.exists:
            return []
        option = "AOTCache" if self.java_major >= AOT_MAJOR else "SharedArchiveFile"
        return [f"-XX:{option}={self.archive}", *QUIET]

    def record_flags(self, directory: Path) -> list[str]:
        """Java options that write a recording into `directory` at a clean exit."""
        option = "AOTCacheOutput" if self.java_major >= AOT_MAJOR else "ArchiveClassesAtExit"
        return [f"-XX:{option}={directory / RECORDING}{self.archive.name}", *QUIET]

    def discard(self) -> None:
        """Forget the archive, so that the next run records it anew."""
        self.archive.unlink(missing_ok=True)


def class_cache(java: Java, jars: Iterable[Path], folder: Path) -> ClassCache:
    """Name the archive after all that Java checks before it uses one: its build and the jars."""
    facts = hashlib.sha256(java.build.encode())
    for jar in jars:
        stat = jar.stat()
        facts.update(f"{jar} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    suffix = "aot" if java.major >= AOT_MAJOR else "jsa"
    return ClassCache(archive=folder / f"{facts.hexdigest()[:16]}.{suffix}", java_major=java.major)


def adopt_recordings(directory: Path, folder: Path) -> None:
    """Move recordings of brokers that ended cleanly from `directory` to the archives' folder.

    A half recording must not come here: Java 17 crashes on one.
    """
    for recording in directory.glob(f"{RECORDING}*"):
        archive = folder / recording.name.removeprefix(RECORDING)
        if not archive.exists():
            # Maybe on another file system: copy, then rename, so that no half archive is seen.
            part = archive.with_name(f"{recording.stat().st_ino}-{archive.name}")
            shutil.copyfile(recording, part)
            part.replace(archive)
    drop_recordings(directory)


def drop_recordings(directory: Path) -> None:
    """Remove recordings that may be half written, or are no longer needed."""
    for recording in directory.glob(f"{RECORDING}*"):
        recording.unlink(missing_ok=True)
