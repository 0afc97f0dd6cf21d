"""Brokers that run in the background, found again by other processes.

The process table is the only record: there is no state file that could be out of date.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from streams.local.kafka.broker import PROPERTIES_FILE
from streams.local.kafka.class_cache import adopt_recordings, drop_recordings
from streams.local.kafka.errors import NEEDS_EXTRA, LocalKafkaError
from streams.local.kafka.jars import cache_directory
from streams.local.kafka.plan import stop_timeout_s

try:
    import psutil  # no type information is published
except ImportError:
    psutil = None  # part of the optional extra `local`


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBroker:
    """One broker process and its resident memory."""

    node: int
    pid: int
    memory_bytes: int


def find_running(directory: Path) -> list[RunningBroker]:
    """Return the brokers whose files are in `directory`, by node."""
    if psutil is None:
        raise LocalKafkaError(NEEDS_EXTRA)
    found = []
    of_node = re.compile(rf"{re.escape(str(directory.resolve()))}/node-(\d+)/{PROPERTIES_FILE}")
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        *_, last = process.info["cmdline"] or [""]  # None: of another user; empty: it has ended
        if match := of_node.fullmatch(last):
            memory_bytes = process.info["memory_info"].rss
            broker = RunningBroker(node=int(match[1]), pid=process.pid, memory_bytes=memory_bytes)
            found.append(broker)
    return sorted(found, key=lambda broker: broker.node)


def bootstrap_of(directory: Path) -> str:
    """Return the addresses for clients, `host:port,...`, of the brokers set up in `directory`."""
    addresses = [
        re.search(r"^advertised\.listeners=PLAINTEXT://(.*)$", file.read_text(), re.MULTILINE)
        for file in sorted(directory.glob(f"node-*/{PROPERTIES_FILE}"))
    ]
    return ",".join(address[1] for address in addresses if address)


def stop_running(directory: Path) -> int:
    """Shut down the brokers of `directory`, wait until they are gone; return how many ran.

    What does not end in time is killed.
    """
    processes = [psutil.Process(broker.pid) for broker in find_running(directory)]
    for process in processes:
        process.terminate()
        process.resume()  # a paused process would not see the signal
    timeout_s = stop_timeout_s(len(processes))
    _, left = psutil.wait_procs(processes, timeout=timeout_s)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=timeout_s)
    for node in directory.glob("node-*"):
        if not left:
            adopt_recordings(node, cache_directory())
        drop_recordings(node)
    return len(processes)
