"""How many requests a second one core of the simulator serves.

The simulator runs in a process of its own without any simulated wait; bare aiohttp clients in this
process send a body of 1 KB with an output schema. Both share the machine, so the figure that counts
is the simulator's own CPU time for a request.
"""

import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection

import aiohttp
import orjson
import uvloop

from agents.simulator import Limits, Simulator, SimulatorSettings

REQUESTS = 20_000
WARM_UP = 2_000
IN_FLIGHT = 50
BODY_BYTES = 1_024
HEADERS = {
    "authorization": "Bearer bench",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
SCHEMA = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": ["billing", "delivery", "technical", "other"]},
        "urgency": {"type": "string", "enum": ["low", "normal", "high"]},
        "language": {"type": "string", "enum": ["en", "de", "fr", "es", "other"]},
        "confidence": {"type": "number"},
    },
    "required": ["category", "urgency", "language", "confidence"],
    "additionalProperties": False,
}


def body(number: int) -> bytes:
    """Return a request of about 1 KB; each one is different."""
    text = f"<event>Order {number}: my parcel is late and I was charged twice for it.</event>"
    request = {
        "max_tokens": 128,
        "messages": [{"role": "user", "content": text}],
        "model": "claude-haiku-5-5",
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "system": "",
        "thinking": {"type": "disabled"},
    }
    request["system"] = "Label the message. " * ((BODY_BYTES - len(orjson.dumps(request))) // 19)
    return orjson.dumps(request)


def serve(pipe: Connection) -> None:
    """Run the simulator; every message on the pipe is answered with the CPU seconds used so far."""
    limits = Limits(
        requests_per_minute=10**8,
        input_tokens_per_minute=10**10,
        output_tokens_per_minute=10**10,
    )

    async def run() -> None:
        done = asyncio.Event()

        def answer() -> None:
            if pipe.recv() == "stop":
                done.set()
            pipe.send(time.process_time())

        async with Simulator(SimulatorSettings(limits=limits, time_scale=0)) as simulator:
            asyncio.get_running_loop().add_reader(pipe.fileno(), answer)
            pipe.send(simulator.url)
            await done.wait()

    uvloop.run(run())


async def load(url: str, first: int, count: int) -> None:
    """Send requests, a fixed number of them in flight."""
    bodies = iter([body(number) for number in range(first, first + count)])
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def worker() -> None:
            for one in bodies:
                async with session.post(f"{url}/v1/messages", data=one) as response:
                    await response.read()
                    assert response.status == 200, await response.text()  # noqa: PLR2004 - OK

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def main() -> None:
    """Measure and print."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    url = ours.recv()
    uvloop.run(load(url, 0, WARM_UP))
    ours.send("cpu")
    cpu_s, begun_s = ours.recv(), time.perf_counter()
    uvloop.run(load(url, WARM_UP, REQUESTS))
    wall_s = time.perf_counter() - begun_s
    ours.send("stop")
    cpu_s = ours.recv() - cpu_s
    process.join(timeout=10)
    print(f"body                 {len(body(0)):,} bytes, {IN_FLIGHT} in flight")
    print(f"requests/s           {REQUESTS / wall_s:,.0f} (clients on the same machine)")
    print(f"simulator CPU        {cpu_s / REQUESTS * 1e6:,.0f} us for a request")
    print(f"requests/s per core  {REQUESTS / cpu_s:,.0f}")


if __name__ == "__main__":
    main()
