"""What lasts and a person should know: plain facts in, named conditions out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from agents.budget.spending import HELD_FROM, NANO, held, seconds_left
from schemas.alert import AlertKind
from schemas.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that lasts; `message` is for the person who is called, `over` for its end."""

    kind: AlertKind
    message: str
    over: str
    model: str | None = None


def refused(standings: Iterable[Standing]) -> dict[str, Condition]:
    """Name the budgets that only a person can open again; a rate limit opens by itself."""
    return {
        f"refused/{row.budget}": Condition(
            kind="budget_closed",
            model=row.models[0] if row.models else row.budget,
            message=(
                f"no call to {', '.join(row.models)} goes out: the API refuses the key, a "
                "permission, the model's name, or a spend limit is reached. The log line "
                f"`budget_closed` says which. {sum(row.waiting.values())} calls wait, nothing is "
                "lost. Put it right in the Claude Console; a call is tried every minute."
            ),
            over=f"calls to {', '.join(row.models)} go out again",
        )
        for row in standings
        if row.closed_s > 0 and row.closed_for == "configuration"
    }


def spending(spent_nanousd: int, max_usd: float, now: float) -> dict[str, Condition]:
    """Name the classes that the money guard holds; `now` is seconds since the epoch."""
    minutes = round(seconds_left(now) / 60)
    digits = 2 if max_usd >= 1 else 6
    return {
        f"spend/{workload}": Condition(
            kind="spend",
            message=(
                f"today's calls cost ${spent_nanousd / NANO:,.{digits}f} of max_usd_per_day = "
                f"{max_usd:g}: {workload} is held until 00:00 UTC, in {minutes // 60} h "
                f"{minutes % 60} min. Nothing is lost or dead-lettered. To go on today, raise "
                "[budget] max_usd_per_day and start the workers again."
            ),
            over=f"the money guard holds {workload} no longer",
        )
        for workload in HELD_FROM
        if held(workload, spent_nanousd, max_usd)
    }


def away(trouble: str) -> dict[str, Condition]:
    """Name the store that does not answer; an empty text: it does."""
    if not trouble:
        return {}
    condition = Condition(
        kind="store",
        message=(
            f"the store is away: {trouble}. Every worker goes on with its own share of the limits, "
            "so that a quiet worker's share stays unused. Check [store] url and that it runs; "
            "workers come back to it by themselves."
        ),
        over="the store is back; workers share one budget again",
    )
    return {"store": condition}


def strangers(members: int, heartbeats: int) -> dict[str, Condition]:
    """Name a group that has more members in Kafka than workers in the store.

    A member that crashed is in its Kafka group longer than in the store: the caller waits for that.
    """
    if members <= heartbeats:
        return {}
    condition = Condition(
        kind="members",
        message=(
            f"the Kafka groups have {members} workers, this store knows {heartbeats}: they do not "
            "share one store. Every worker keeps to its part of the limits meanwhile. Give all "
            "the same [store] url: redis:// for many machines; one sqlite file serves one machine."
        ),
        over="all workers of the Kafka groups share one store",
    )
    return {"members": condition}
