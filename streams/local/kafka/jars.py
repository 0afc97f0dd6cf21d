"""Kafka's jars: fetched once, each one checked against a lock file of SHA-256 sums."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from streams.local.kafka.errors import NEEDS_EXTRA, LocalKafkaError

LOCK_WAIT_S = 300.0  # a whole fetch by another process, on a slow line
LOCK_POLL_S = 0.1
DOWNLOAD_TIMEOUT_S = 60
DOWNLOAD_ATTEMPTS = 3
PARALLEL_DOWNLOADS = 4
TOLD_EVERY = 15  # files a line of progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One jar by its Maven coordinate, and the sum it must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """The name Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"

    def matches(self, file: Path) -> bool:
        """Tell whether the file is there and is what the lock names."""
        try:
            with file.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


Download = Callable[[Jar, Path], Path]  # the jar and a scratch folder -> the file, unchecked
Progress = Callable[[str], None]  # one line for a person, without a line end


def parse_lock(text: str) -> list[Jar]:
    """Read lines of `sha256  group:artifact:version`."""
    jars = []
    for line in text.splitlines():
        sha256, coordinate = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group=group, artifact=artifact, version=version, sha256=sha256))
    return jars


def locked_jars() -> list[Jar]:
    """Return the jars of one Apache Kafka broker, as locked in this package."""
    return parse_lock(
        resources.files("streams.local.kafka").joinpath("kafka.lock").read_text("utf-8")
    )


def download_with_jgo(jar: Jar, scratch: Path) -> Path:
    """Fetch one jar from Maven Central, or from the repositories of jgo's own settings file."""
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - part of the optional extra `local`
        from jgo.maven import MavenContext  # noqa: PLC0415 - the same
    except ImportError as missing:
        raise LocalKafkaError(NEEDS_EXTRA) from missing
    # A cache of its own: jgo writes in place and only warns of a wrong sum, so an interrupted
    # download must not land among the jars, nor in the user's Maven cache.
    maven = MavenContext(
        repo_cache=scratch,
        remote_repos=GlobalSettings.load().repositories or None,
        timeout=DOWNLOAD_TIMEOUT_S,
    )
    component = maven.project(jar.group, jar.artifact).at_version(jar.version)
    return Path(component.artifact().resolve())


def _download(jar: Jar, scratch: Path, download: Download, attempts: int) -> Path:
    try:
        return download(jar, Path(tempfile.mkdtemp(dir=scratch)))
    except (OSError, RuntimeError) as why:  # requests' errors are OSErrors; jgo's RuntimeErrors
        if attempts > 1:
            return _download(jar, scratch, download, attempts - 1)
        raise LocalKafkaError(
            f"cannot fetch {jar.coordinate} ({type(why).__name__}): Kafka's jars come once from a "
            "Maven repository, which must be reachable (a mirror can be named in the section "
            "[repositories] of jgo's settings file)"
        ) from why


def _fetch_one(jar: Jar, folder: Path, scratch: Path, download: Download) -> None:
    file = _download(jar, scratch, download, DOWNLOAD_ATTEMPTS)
    if not jar.matches(file):
        raise LocalKafkaError(
            f"{jar.coordinate} was fetched, but its SHA-256 is not the one in kafka.lock; nothing "
            "was kept. See what the Maven repository or the proxy serves, then try again"
        )
    file.replace(folder / jar.file_name)  # atomic: scratch lies in the same folder


@contextlib.contextmanager
def _one_process_at_a_time(file: Path) -> Iterator[None]:
    give_up_at = time.monotonic() + LOCK_WAIT_S
    with file.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise LocalKafkaError(
                        f"another process has been fetching Kafka for {LOCK_WAIT_S:.0f} s "
                        f"(it holds {file}): end it, then try again"
                    ) from None
                time.sleep(LOCK_POLL_S)
        yield


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give an empty folder, also after a fetch that was killed."""
    scratch = folder / "download"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch_missing(
    jars: list[Jar], folder: Path, download: Download, on_progress: Progress
) -> None:
    missing = [jar for jar in jars if not jar.matches(folder / jar.file_name)]
    done = len(jars) - len(missing)
    with _scratch(folder) as scratch, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        fetches = [pool.submit(_fetch_one, jar, folder, scratch, download) for jar in missing]
        try:
            for fetch in as_completed(fetches):
                fetch.result()
                done += 1
                if done % TOLD_EVERY == 0 or done == len(jars):
                    on_progress(f"fetching Kafka ({len(jars)} jars, once) {done}/{len(jars)}")
        finally:
            pool.shutdown(cancel_futures=True)


def fetch_jars(
    jars: list[Jar],
    folder: Path,
    *,
    download: Download = download_with_jgo,
    on_progress: Progress = lambda _: None,
) -> list[Path]:
    """Return the files of all jars in `folder`; fetch those that are missing or damaged.

    Hashing all 45 MB at each start takes 0.1 s. Raises LocalKafkaError.
    """
    files = [folder / jar.file_name for jar in jars]
    if not all(jar.matches(file) for jar, file in zip(jars, files, strict=True)):
        folder.mkdir(parents=True, exist_ok=True)
        with _one_process_at_a_time(folder / "fetch.flock"):
            _fetch_missing(jars, folder, download, on_progress)
    return files


def cache_directory() -> Path:
    """Return the folder for what is fetched or recorded once: below XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "headrace", "kafka")
