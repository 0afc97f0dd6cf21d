"""A worker that has used up most of one model's limit, and whose other model is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import orjson

from agents.simulator import Fault, FaultKind, Limits
from schemas.alert import Alert
from schemas.workload import WorkloadClass
from tests.harness import QUICK, Rig, event
from tests.outputs import Source
from tests.worker_process import WorkerProcess

BATCH, INTERACTIVE = WorkloadClass.BATCH, WorkloadClass.INTERACTIVE
SMALL, REFUSED = "claude-haiku-5-5", "claude-sonnet-5-5"
LIMIT, USED, HELD = 60, 54, 3
SIMULATED = replace(QUICK, limits_by_class={SMALL: Limits(requests_per_minute=LIMIT)})
TOML = f"""
[budget]
alert_hold_s = 1
[classes.interactive]
model = "{REFUSED}"
"""


class Shift:
    """A worker, and the records that its refused model holds."""

    def __init__(self, rig: Rig, worker: WorkerProcess, held: list[Source]) -> None:
        self.rig, self.worker, self.held = rig, worker, held

    def __repr__(self) -> str:
        return f"Shift({self.rig}, {self.worker})"

    async def budgets(self) -> dict[str, dict[str, object]]:
        """Return what `headrace budget` shows, by model."""
        shown = await self.rig.headrace("budget", "--json")
        rows = [orjson.loads(line) for line in shown.out.splitlines()]
        return {row["models"][0]: row for row in rows}

    async def alert(self, kind: str, state: str) -> Alert:
        """Wait for an alert of this kind and return it."""
        await self.worker.until_metric(
            lambda n: n == 1, "alert_changes_total", kind=kind, state=state
        )
        told = int(await self.worker.metric("alert_changes_total"))
        [found] = [a for a in await self.rig.alerts(told) if (a.kind, a.state) == (kind, state)]
        return found


@asynccontextmanager
async def shift(bootstrap: str, folder: Path) -> AsyncIterator[Shift]:
    """Begin one: the last use is over when this returns, and the refused records are held."""
    async with Rig(folder, bootstrap, SIMULATED, TOML) as rig:
        rig.simulator.script(Fault(FaultKind.UNAUTHORIZED, model=REFUSED))
        worker = await rig.worker().start("--classes", f"{BATCH},{INTERACTIVE}")
        used = await rig.publish(BATCH, *(event(n) for n in range(USED)))
        held = await rig.publish(INTERACTIVE, *(event(f"held-{n}") for n in range(HELD)))
        await rig.outputs.until_ended(used)
        await worker.until_metric(
            lambda n: n == HELD, "held_records", workload=INTERACTIVE, reason="configuration"
        )
        yield Shift(rig, worker, held)
