"""How well the referee itself was served: brokers, workers and referee share one machine."""

import asyncio
import time

LOOK_S = 0.05


class Stalls:
    """The longest time for which this process could not go on; its stamps are no better."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    def __repr__(self) -> str:
        return f"Stalls({self.worst_s:.2f} s)"

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(LOOK_S)
            self.worst_s = max(self.worst_s, time.monotonic() - began - LOOK_S)
