"""A `headrace worker` of the batch class that is quick to notice workers with another store."""

import asyncio
import signal
import sys
from pathlib import Path

from agents import catalog
from schemas.settings import load
from schemas.workload import WorkloadClass
from streams.app import Worker
from streams.heartbeat import Pace

PACE = Pace(beat_s=0.5, count_s=0.5, strangers_s=1.5)


async def serve(config: Path) -> None:
    settings = load(config)
    tasks = catalog.load(settings, config.parent)
    worker = Worker(settings, tasks, (WorkloadClass.BATCH,), PACE)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await worker.start()
    await stop.wait()
    await worker.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[2])))  # behind --config
