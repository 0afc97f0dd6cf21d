"""100,000 dead letters: peak memory of listing and filtering them, and time of a dry run of 10,000.

The letters are written straight to the topic, as a worker writes them: 1 KB of text each, half of
them of another disposition. Memory is the highest resident size of the whole command, Python and
all its libraries included; what matters is that it does not grow with the number of letters.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import orjson
import uvloop

from schemas.dead_letter import Disposition, Stage
from schemas.outcome import Failed, Failure
from schemas.settings import Settings, load
from schemas.workload import WorkloadClass
from streams import topics
from streams.envelope import Origin, dead_letter_message
from streams.local.kafka import LocalKafka
from streams.outbox import Outbox
from streams.record import Record
from streams.topics import TopicNames

FEW, MANY = 10_000, 100_000
CHUNK = 2_000
TEXT = "x" * 1000
BATCH = WorkloadClass.BATCH
HEADRACE = Path(sys.executable).with_name("headrace")
KINDS = (Disposition.OUTPUT_INVALID, Disposition.REFUSED)
DRY_RUN_S = 30.0
HEADINGS = f"{'letters':>8}  {'command':42} {'lines':>7} {'seconds':>8} {'CPU s':>6} {'MiB':>5}"


def main() -> None:
    """Measure few letters, then many."""
    with tempfile.TemporaryDirectory() as folder, LocalKafka(Path(folder) / "kafka") as kafka:
        config = Path(folder) / "headrace.toml"
        config.write_text(
            f'[kafka]\nbootstrap_servers = "{kafka.bootstrap}"\n[store]\nurl = "memory://"\n',
            encoding="utf-8",
        )
        settings = load(config)
        asyncio.run(topics.create(settings))
        print(HEADINGS)
        for first, last in ((0, FEW), (FEW, MANY)):
            uvloop.run(write(settings, range(first, last)))
            measure(config, last, "dlq", "ls", "--json")
            measure(config, last, "dlq", "ls", "--disposition", "REFUSED", "--limit", "100")
            measure(config, last, "dlq", "stats")
            took_s = measure(config, last, "dlq", "replay", "--json", "--limit", str(FEW))
            print(f"dry run of {FEW:,} among {last:,}: {took_s:.1f} s (wanted: {DRY_RUN_S:.0f})")


def measure(config: Path, letters: int, *command: str) -> float:
    """Run a command, print its time and peak memory; return the time."""
    environment = os.environ | {"HEADRACE_CONFIG": str(config)}
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [HEADRACE, *command], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    lines = sum(1 for _ in process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.monotonic() - began
    assert status == 0, f"{command} failed"
    cpu_s, mib = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    said = " ".join(command)
    print(f"{letters:8,}  {said:42} {lines:7,} {took_s:8.1f} {cpu_s:6.1f} {mib:5.0f}", flush=True)
    return took_s


async def write(settings: Settings, numbers: Iterable[int]) -> None:
    """Write a letter for each number."""
    outbox = Outbox(settings.kafka)
    await outbox.start()
    chunk: list[int] = []
    for number in numbers:
        chunk.append(number)
        if len(chunk) == CHUNK:
            await asyncio.gather(*(_write(outbox, settings, n) for n in chunk))
            chunk = []
    await outbox.stop()


async def _write(outbox: Outbox, settings: Settings, number: int) -> None:
    names, key = TopicNames(settings), f"doc-{number}".encode()
    value = orjson.dumps({"id": f"doc-{number}", "text": f"{number} {TEXT}"})
    record = Record(
        topic=names.input(BATCH),
        partition=number % settings.kafka.partitions,
        offset=number,
        timestamp=time.time(),
        key=key,
        value=value,
    )
    failure = Failure(
        stage=Stage.VALIDATE,
        error_class="OutputInvalid",
        error_type="schema",
        message=f"claims.{number % 7}.amount: Input should be a valid number",
    )
    failed = Failed(disposition=KINDS[number % len(KINDS)], failure=failure)
    origin = Origin(app="headrace", group="headrace.batch", workload=BATCH, task="review")
    letter = dead_letter_message(record, failed, origin, names.dead_letters(BATCH), "bench")
    await outbox.publish(letter)


if __name__ == "__main__":
    main()
