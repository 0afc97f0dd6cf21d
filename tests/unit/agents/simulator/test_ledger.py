from dataclasses import replace

from agents.simulator import LedgerEntry
from agents.simulator.accounting.ledger import Ledger

ENTRY = LedgerEntry(
    id=1,
    request_id="req_1",
    arrived_s=0.0,
    arrived_at=0.0,
    first_byte_s=0.5,
    finished_s=1.0,
    model="claude-haiku-5-5",
    model_class="haiku-5.5",
    status=200,
    decision="admitted",
    admitted=True,
    limiter="",
    retry_after_s=None,
    retry_count=0,
    max_tokens=64,
    input_tokens=10,
    cache_creation_tokens=20,
    cache_read_tokens=30,
    output_tokens=40,
    cost_nanousd=1_000_000,
    stop_reason="end_turn",
    streamed=False,
    prompt_digest="",
    text_digest="",
    last_user_text="",
    early=False,
    overdrawn=False,
    completed=True,
)
REJECTED = replace(
    ENTRY,
    status=429,
    decision="rate_limited",
    admitted=False,
    early=True,
    input_tokens=0,
    cache_creation_tokens=0,
    cache_read_tokens=0,
    output_tokens=0,
    cost_nanousd=0,
)


def write(ledger: Ledger, entry: LedgerEntry) -> None:
    ledger.arrive()
    ledger.write(replace(entry, id=ledger.next_id()))


def test_adds_everything_up() -> None:
    ledger = Ledger(10)
    for entry in (ENTRY, REJECTED, replace(ENTRY, status=0, completed=False, overdrawn=True)):
        write(ledger, entry)
    ledger.arrive()
    totals = ledger.totals()
    assert (totals.requests, totals.in_flight, totals.admitted) == (4, 1, 2)
    assert (totals.rejected_429, totals.limit_violations, totals.early_retries) == (1, 1, 1)
    assert (totals.errors, totals.abandoned, totals.overdrawn) == (2, 1, 1)
    assert (totals.input_tokens, totals.output_tokens) == (20, 80)
    assert (totals.cache_creation_tokens, totals.cache_read_tokens) == (40, 60)
    assert totals.usd == 0.002


def test_a_scripted_429_is_no_violation() -> None:
    ledger = Ledger(10)
    write(ledger, replace(REJECTED, decision="fault:rate_limited"))
    assert (ledger.totals().rejected_429, ledger.totals().limit_violations) == (1, 0)


def test_old_entries_go_but_totals_stay_exact() -> None:
    ledger = Ledger(3)
    for _ in range(10):
        write(ledger, ENTRY)
    assert [entry.id for entry in ledger.entries] == [8, 9, 10]
    assert ledger.totals().requests == 10
    assert ledger.totals().input_tokens == 100


def test_reads_on_from_an_entry() -> None:
    ledger = Ledger(3)
    for _ in range(5):
        write(ledger, ENTRY)
    assert [entry.id for entry in ledger.after(4)] == [5]
    assert [entry.id for entry in ledger.after(0)] == [3, 4, 5]
    assert list(ledger.after(5)) == []
    assert list(ledger.after(99)) == []


def test_entries_do_not_change_under_the_reader() -> None:
    ledger = Ledger(3)
    write(ledger, ENTRY)
    seen = ledger.entries
    write(ledger, ENTRY)
    assert len(seen) == 1
