"""Pages and claims as `journal.lua` takes and gives them.

Texts go as they are: replies are the bulk of a page, and are neither parsed nor escaped again.
"""

from collections.abc import Iterator

import orjson

from agents.store.journal import Turns, in_order
from schemas.claim import Claim, Page
from schemas.workload import WorkloadClass

SETTLED, OWNED = Claim(state="settled"), Claim(state="owned")
FIRST = Claim(state="granted")


def ledger(prefix: str, workload: WorkloadClass) -> str:
    """Return the key of a class's open letters."""
    return f"{prefix}letters:{workload}"


def keys(prefix: str, page: Page) -> list[str]:
    """Return a key for each thing that a page brings, in the script's order."""
    record = f"{prefix}record:"
    return [
        *(record + answer.identity for answer in page.answers),
        *(ledger(prefix, mark.workload) for mark in page.letters),
        *(record + identity for identity in page.settled),
        *(record + identity for identity in page.released),
        *(record + identity for identity in page.claims),
        *(record + identity for identity in page.alone),
    ]


def arguments(page: Page, retention_s: float, now: float | None) -> list[bytes | str | int]:
    """Return the rest of what a page says; Redis's own time counts where `now` is None."""
    head = {
        "worker": page.worker,
        "retention_s": retention_s,
        "now": now,
        "answers": len(page.answers),
        "letters": len(page.letters),
        "settled": len(page.settled),
        "released": len(page.released),
        "claims": len(page.claims),
        "alone": len(page.alone),
    }
    args: list[bytes | str | int] = [orjson.dumps(head)]
    for answer in page.answers:
        args += (f"{answer.turn}:{answer.version}", answer.reply)
    for mark in page.letters:
        args += (mark.source, mark.replays, int(mark.is_open))
    return args


def claims(page: Page, reply: list[bytes]) -> tuple[Claim, ...]:
    """Read the answers to a page's claims."""
    verdicts = reply[0].decode().split(",") if page.claims else []
    kept = iter(reply[1:])
    return tuple(
        _claim(identity, verdict, kept)
        for identity, verdict in zip(page.claims, verdicts, strict=True)
    )


def _claim(identity: str, verdict: str, kept: Iterator[bytes]) -> Claim:
    match verdict:
        case "1 0 0":
            return FIRST
        case "settled":
            return SETTLED
        case "owned":
            return OWNED
    deliveries, deaths_alone, count = map(int, verdict.split(" "))
    turns: Turns = {}
    for _ in range(count):
        turn, _, version = next(kept).decode().partition(":")
        turns[version, int(turn)] = next(kept).decode()
    return Claim(
        state="granted",
        deliveries=deliveries,
        deaths_alone=deaths_alone,
        answers=in_order(identity, turns),
    )
