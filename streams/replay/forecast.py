"""What a replay would do and take, counted letter by letter."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.catalog import Catalog
from agents.pipeline import Work
from schemas.dead_letter import MAX_REPLAYS
from schemas.settings import Settings
from schemas.usage import cost_nanousd, microusd, price_of
from schemas.workload import WorkloadClass
from streams.reader import Reader
from streams.replay import samples
from streams.replay.letters import Letter
from streams.replay.messages import replay_message
from streams.replay.rates import PART_OF_MAX_OUTPUT, Rates, prompt_bytes

Learn = Callable[[Settings, WorkloadClass, Reader, Mapping[str, Rates]], Awaitable[None]]


@dataclass(slots=True)
class Tally:
    """Counts of letters, and what those that are sent will take.

    `rejected_again` are sent and end as letters without a call. `blocked_by_cap` were replayed
    as often as may be; they are never sent, and neither are `strangers`: no letters of ours.
    """

    selected: int = 0
    by_disposition: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = 0
    rejected_again: int = 0
    blocked_by_cap: int = 0
    strangers: int = 0

    def as_json(self, job: str | None, *, executed: bool) -> dict[str, Any]:
        """Return what `dlq replay --json` prints."""
        return {
            "job": job,
            "executed": executed,
            "selected": self.selected,
            "by_disposition": dict(self.by_disposition),
            "by_class": dict(self.by_class),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_microusd": microusd(self.cost_nanousd),
            "rejected_again": self.rejected_again,
            "blocked_by_cap": self.blocked_by_cap,
        }


class Forecast:
    """Counts letters, and prices them with today's tasks."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        *,
        ignore_expiry: bool,
        learn: Learn = samples.learn,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.tally = Tally()
        self._learn = learn
        self._settings, self._ignore_expiry, self._wall = settings, ignore_expiry, wall
        self._readers = {
            w: Reader(w, settings.classes.of(w), catalog, settings.app.max_event_bytes, wall)
            for w in WorkloadClass
        }
        self._rates = {task.name: Rates(task) for task in catalog}
        self._learned: set[WorkloadClass] = set()
        self._priced: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Forecast({self.tally})"

    async def add(self, letter: Letter) -> bool:
        """Count one letter; return whether it may be sent."""
        tally, workload = self.tally, letter.workload
        if workload is None or not letter.genuine:
            tally.strangers += 1
            return False
        tally.selected += 1
        tally.by_disposition[letter.facts.get("dlq.disposition", "")] += 1
        tally.by_class[workload.value] += 1
        if letter.source.replays >= MAX_REPLAYS:
            tally.blocked_by_cap += 1
            return False
        if workload not in self._learned:
            self._learned.add(workload)
            await self._learn(self._settings, workload, self._readers[workload], self._rates)
        self._price(letter, workload)
        return True

    def notes(self) -> Iterator[str]:
        """Say what the price rests on when that is less than measured use."""
        for task, model in sorted(self._priced.items()):
            if not self._rates[task].results:
                yield (
                    f"task {task}: no results to learn from; {PART_OF_MAX_OUTPUT:.0%} of "
                    "max_output_tokens are assumed"
                )
            if price_of(model) is None:
                yield f"task {task}: no price is known for {model}; it counts as 0"
        if self.tally.strangers:
            yield f"{self.tally.strangers} records are no letters of headrace; they are not sent"

    def _price(self, letter: Letter, workload: WorkloadClass) -> None:
        message = replay_message(letter, "", "", ignore_expiry=self._ignore_expiry)
        now = self._wall()  # a replay starts `expire_after_s` anew
        again = replace(letter.record, headers=message.headers, timestamp=now)
        work = self._readers[workload].read(again)
        if not isinstance(work, Work) or _expired(work, now):
            self.tally.rejected_again += 1
            return
        model = work.task.model or ""
        self._priced[work.task.name] = model
        usage = self._rates[work.task.name].usage(prompt_bytes(work))
        self.tally.input_tokens += usage.prompt_tokens
        self.tally.output_tokens += usage.output_tokens
        self.tally.cost_nanousd += cost_nanousd(model, usage)


def _expired(work: Work, now: float) -> bool:
    ends = work.place.expires_at
    return ends is not None and ends <= now
