"""What the demo shows: live bars on a terminal, plain lines elsewhere, a summary at the end."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from agents.simulator import Totals
from schemas.workload import WorkloadClass
from streams.local.tally import Tally
from streams.replay.letters import letter_of

PLAIN_LINE_S = 3.0
SHOWN = (WorkloadClass.REALTIME, WorkloadClass.INTERACTIVE, WorkloadClass.BATCH)
SHOWN_CHARACTERS = 160


class Screen:
    """Progress goes to stderr, the summary to stdout."""

    def __init__(self) -> None:
        self._progress_console, self._console = Console(stderr=True), Console()
        self._live = self._progress_console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:14}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._progress_console,
            transient=True,
            disable=not self._live,
        )
        self._rows: dict[WorkloadClass, TaskID] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """Print one step."""
        self._bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, tally: Tally, totals: Mapping[WorkloadClass, int]) -> None:
        """Bring the bars, or now and then a plain line, up to date."""
        if not self._live:
            self._line(tally, totals)
            return
        for workload, total in totals.items():
            if workload not in self._rows:
                self._rows[workload] = self._bars.add_task(workload, total=total)
            self._bars.update(self._rows[workload], completed=tally.classes[workload].settled)

    def summary(
        self,
        tally: Tally,
        texts: Mapping[str, str],
        paid: Totals,
        use: Mapping[str, float],
    ) -> None:
        """Print the table, three results, one dead letter, and what to try next."""
        self._console.print(_table(tally))
        self._print(_letters(tally))
        shares = ", ".join(f"{unit} {share:.0%}" for unit, share in sorted(use.items()))
        self._print(f"\nbudget use, busiest minute: {shares or 'none'}")
        self._print(f"requests to Claude: {paid.requests}, answered 429: {paid.rejected_429}\n")
        self._print("three results, as the simulator's simple rules answer in Claude's place:\n")
        for workload in SHOWN:
            if body := tally.results.get(workload):
                said = " ".join(texts.get(body["id"], "").split())[:SHOWN_CHARACTERS]
                shown = orjson.dumps(body["output"], option=orjson.OPT_INDENT_2).decode()
                self._print(f"{workload} {body['task']} of {said!r} ...\n{shown}\n")
        self._print_letter(tally)
        self._print(_NEXT)

    def _print_letter(self, tally: Tally) -> None:
        if tally.letter is None:
            return
        facts = letter_of(tally.letter).facts
        names = ("dlq.id", "dlq.disposition", "dlq.stage", "__dlq.errors.message")
        self._print(f"a dead letter, from {letter_of(tally.letter).source}:")
        for name in names:
            self._print(f"  {name}: {facts.get(name, '')}")
        value = tally.letter.value
        self._print(f"  original bytes: {value[:80] if value is not None else None!r}\n")

    def _line(self, tally: Tally, totals: Mapping[WorkloadClass, int]) -> None:
        now = time.monotonic()
        if now - self._last_line >= PLAIN_LINE_S:
            self._last_line = now
            parts = [f"{w} {tally.classes[w].settled}/{total}" for w, total in totals.items()]
            self.say("settled: " + ", ".join(parts))

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _table(tally: Tally) -> Table:
    table = Table(
        title="every event and its end",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("class", no_wrap=True)
    for name in ("published", "results", "dead", "p50", "p99", "tokens", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for workload, row in tally.classes.items():
        table.add_row(
            workload,
            str(row.published),
            str(row.results),
            str(sum(row.letters.values())),
            f"{row.percentile_s(0.5):.2f} s",
            f"{row.percentile_s(0.99):.2f} s",
            f"{row.tokens:,}",
            f"${row.cost_microusd / 1e6:.4f}",
        )
    return table


def _letters(tally: Tally) -> str:
    rows = (
        f"  {workload:14} " + ", ".join(f"{n} {d}" for d, n in sorted(row.letters.items()))
        for workload, row in tally.classes.items()
        if row.letters
    )
    return "dead letters by disposition\n" + "\n".join(rows)


_NEXT = """to try next:
  headrace kafka start && headrace topics create    a Kafka that stays
  headrace simulator                                a Claude API that costs nothing
  headrace worker                                   the service
  echo 'I was charged twice' | headrace try triage --show-prompt
"""
