"""What was seen of one fault, and the verdict; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.simulator import LedgerEntry
from tests.arrivals import overrun
from tests.chaos.books import Account
from tests.chaos.cast import BURST_S, PER_S
from tests.chaos.fault import Fault
from tests.chaos.purchases import Moment, purchases
from tests.chaos.recipes import RESULT, Ends
from tests.chaos.row import Row
from tests.outputs import Source

SLACK = 1.02
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that was seen while one fault struck and after it.

    `ends`: what every input may end in. `markers`: the name in each input's text. `found`:
    breaks that were seen by others.
    """

    inputs: Sequence[Source]
    markers: Mapping[Source, str]
    ends: Mapping[Source, Ends]
    accounts: Mapping[Source, Account]
    strangers: int
    passed: int
    uncommitted: int
    entries: Sequence[LedgerEntry]
    moments: Sequence[Moment]
    recovered_s: float
    found: Sequence[str]


def judge(fault: Fault, seen: Seen) -> Row:
    """Return the row of one fault."""
    mine = {source: seen.accounts[source] for source in seen.inputs if source in seen.accounts}
    bought = purchases(seen.entries, _copies(seen), seen.moments, fault.cast.timeout_s)
    lost = [source for source in seen.inputs if source not in mine or not mine[source].ends]
    double = [source for source, account in mine.items() if _is_double(account)]
    wrong = [_told(s, seen) for s, a in mine.items() if a.ends and last(a) not in seen.ends[s]]
    limited = sum(entry.decision == "rate_limited" for entry in seen.entries)
    breaks = [
        *_count("lost", lost),
        *_count("double", double),
        *_count("wrong end", wrong),
        *_count("bought again without cause", bought.names),
        *_limits(fault, seen.entries, limited),
        *_number("strangers", seen.strangers),
        *_number("commits past unfinished records", seen.passed),
        *_number("not committed", seen.uncommitted),
        *_late(fault, seen.recovered_s),
        *seen.found,
    ]
    if bought.repairs > bought.spoiled:
        breaks.append(f"{bought.repairs} repairs of {bought.spoiled} spoiled answers")
    return Row(
        fault=fault.name,
        inputs=len(seen.inputs),
        results=sum(last(account) == RESULT for account in mine.values()),
        letters=dict(Counter(last(a) for a in mine.values() if last(a) not in {RESULT, ""})),
        lost=len(lost),
        double=len(double),
        repeats=sum(_repeats(account) for account in mine.values()),
        purchases=bought,
        answered_429=sum(entry.status == 429 for entry in seen.entries),
        recovered_s=seen.recovered_s,
        breaks=tuple(breaks),
    )


def last(account: Account) -> str:
    """Return how a record ended at last: `result`, or the disposition of its letter."""
    if not account.ends:
        return ""
    results = [end for end in account.ends if end.kind == "result"]
    return RESULT if results else account.ends[-1].disposition


def _is_double(account: Account) -> bool:
    """Whether it ended more often than once and once for every replay."""
    return len({(end.kind, end.id) for end in account.ends}) > 1 + len(account.replays)


def _repeats(account: Account) -> int:
    return len(account.ends) - len({(end.kind, end.id) for end in account.ends})


def _copies(seen: Seen) -> Counter[str]:
    """Return how often each event's answer is due: once for each record and each replay."""
    due: Counter[str] = Counter()
    for source, marker in seen.markers.items():
        replays = len(seen.accounts[source].replays) if source in seen.accounts else 0
        due[marker] += 1 + replays
    return due


def _limits(fault: Fault, entries: Sequence[LedgerEntry], limited: int) -> list[str]:
    found = []
    if limited > fault.rejections:
        found.append(f"{limited} requests over the limits, {fault.rejections} allowed")
    arrivals = sorted(entry.arrived_s for entry in entries)
    over = overrun(arrivals, SLACK * PER_S, BURST_S * PER_S)
    if over > 0 and not fault.unlimited:
        found.append(f"a window holds {over:.0f} requests more than the limit")
    return found


def _late(fault: Fault, recovered_s: float) -> list[str]:
    if recovered_s <= fault.recover_s:
        return []
    return [f"not back to 90 % within {fault.recover_s:.0f} s"]


def _count(what: str, found: Sequence[object]) -> list[str]:
    shown = ", ".join(map(str, found[:SHOWN])) + (" ..." if len(found) > SHOWN else "")
    return [f"{len(found)} {what}: {shown}"] if found else []


def _number(what: str, count: int) -> list[str]:
    return [f"{count} {what}"] if count else []


def _told(source: Source, seen: Seen) -> str:
    account = seen.accounts[source]
    stage = account.ends[-1].stage
    wanted = "/".join(sorted(seen.ends[source]))
    marker = seen.markers.get(source, str(source))
    return f"{marker} {last(account)}{f'@{stage}' if stage else ''} for {wanted}"
