"""CPU of the bare SDK call: `messages.create`, aiohttp backend, 50 in flight, no middleware.

Prints seconds of CPU a call. Arguments: base URL, number of calls.
"""

import asyncio
import resource
import sys

import httpx2
import uvloop
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from agents.claude.client import wire
from agents.prompts import system_blocks, user_turn
from agents.workloads import triage
from schemas.request import Request

IN_FLIGHT = 50
WARM_UP = 200


def request(text: str) -> dict[str, object]:
    """Return the same body and schema that the worker sends for a triage event."""
    return wire(
        Request(
            task=triage.name,
            model="claude-haiku-5-5",
            system=system_blocks(triage.instructions),
            turns=(user_turn(text, {}),),
            output=triage.output,
            max_output_tokens=triage.max_output_tokens,
        )
    )


def cpu_s() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(url: str, calls: int) -> None:
    """Make the calls and print the CPU of one."""
    client = AsyncAnthropic(
        api_key="sk-ant-simulated",
        base_url=url,
        max_retries=0,
        timeout=httpx2.Timeout(60),
        http_client=DefaultAioHttpClient(limits=httpx2.Limits(max_connections=IN_FLIGHT)),
    )

    async def crew(numbers: range) -> None:
        left = iter(numbers)

        async def one() -> None:
            for number in left:
                text = f"I was charged twice for order {number}, please refund me"
                await client.messages.create(**request(text))  # type: ignore[call-overload]

        await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))

    await crew(range(WARM_UP))
    before = cpu_s()
    await crew(range(WARM_UP, WARM_UP + calls))
    print((cpu_s() - before) / calls)
    await client.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
