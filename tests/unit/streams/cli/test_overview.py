from io import StringIO

from rich.console import Console

from schemas.sections import Budget, Limit
from schemas.standing import Group, Standing
from schemas.workload import WorkloadClass
from streams.cli.overview import Overview
from tests.builders import MODEL
from tests.standing_builders import BATCH, REALTIME, group, report, standing

SHARED = Limit(models=("haiku", "sonnet"), requests_per_minute=50)


def overview(*budgets: Standing, workers: int = 2, max_usd: float = 0) -> Overview:
    return Overview(budgets=budgets, workers=workers, spent_usd=1.5, max_usd=max_usd)


def shown(view: Overview, notice: str = "", columns: int = 120) -> list[str]:
    """The lines of a terminal so wide."""
    console = Console(width=columns, file=StringIO())
    with console.capture() as written:
        console.print(view.table(notice))
    return [" ".join(line.split()) for line in written.get().splitlines() if line.strip()]


def test_table_has_a_line_a_unit_and_a_state_a_budget() -> None:
    used = [710.0, 9.0, 0.0]
    busy = standing(used=used, used_by={BATCH: used}, waiting={BATCH: 1200, REALTIME: 0})
    assert shown(overview(busy, max_usd=10))[2:] == [
        f"{MODEL} requests 1,000 710 71% 10 batch:71%",
        "input 2,000,000 9 0% 20,000",
        "output 400,000 0 0% 4,000",
        f"{MODEL}: open; 0 calls in flight, waiting: 1,200 batch",
        "workers: 2; spent today: 1.5000 of 10.00 USD",
    ]


def test_what_is_not_known_is_not_made_up() -> None:
    lines = shown(overview(standing(limits=[0.0] * 3, used=[7.0, 0.0, 0.0])))
    assert lines[2] == f"{MODEL} requests not known 7 - -"
    assert lines[-1] == "workers: 2; spent today: 1.5000 USD, no maximum"


def test_debt_is_no_stock() -> None:
    assert " 0% 0" in shown(overview(standing(available=[-5.0, 0.0, 0.0])))[2]


def test_closed_budget_says_for_how_long_and_why() -> None:
    lines = shown(overview(standing(closed_s=41.6, closed_for="rate_limit")))
    assert f"{MODEL}: closed for 42 s: rate limit; 0 calls in flight, waiting: none" in lines


def test_notice_stands_below() -> None:
    assert shown(overview(), "the store is [bold]away[/bold]\x1b[2J")[-1] == (
        "the store is [bold]away[/bold]\N{REPLACEMENT CHARACTER}[2J"
    )


def test_narrow_terminal_keeps_the_numbers() -> None:
    used = {workload: [100.0, 400_000.0, 0.0] for workload in WorkloadClass}
    text = "\n".join(shown(overview(standing(used_by=used)), columns=80))
    assert "2,000,000" in text
    assert "transactional:20%" in text


def test_configured_budget_that_nobody_reports_has_no_use() -> None:
    told = group(500_000_000, a=report(models=("haiku",)))
    view = Overview.of(told, Budget(limits=(SHARED, Limit(models=("opus",)))))
    assert [(row.models, row.workers) for row in view.budgets] == [(("haiku",), 1), (("opus",), 0)]
    assert (view.workers, view.spent_usd) == (1, 0.5)


def test_no_worker_leaves_the_configured_limits() -> None:
    (row,) = Overview.of(Group(workers={}), Budget(limits=(SHARED,))).budgets
    assert (row.budget, row.limits, row.used) == ("haiku+sonnet", [50.0, 0.0, 0.0], [0.0] * 3)


def test_nothing_configured_and_nobody_there() -> None:
    assert list(Overview.of(Group(workers={}), Budget()).lines()) == []
