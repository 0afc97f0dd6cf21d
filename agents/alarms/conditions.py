"""What lasts and a person should know: plain facts in, named conditions out. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from agents.budget.spending import HELD_FROM, NANO, held, seconds_left
from schemas.alert import AlertKind
from schemas.standing import Group, Standing

# Workers tell each other of an outage that has lasted so long: a short one calls nobody.
OUTAGE_S = 30.0


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


def outages(group: Group) -> dict[str, Condition]:
    """Name the models whose calls fail, as workers report it when that has lasted `OUTAGE_S`."""
    rows = Counter(model for report in group.workers.values() for model in report.outages)
    return {
        f"outage/{model}": Condition(
            kind="outage",
            model=model,
            message=(
                f"most calls to {model} have failed for {OUTAGE_S:.0f} s or more: "
                f"{_workers(count)} {_hold(count)} its records. Nothing is lost or dead-lettered; "
                "one call is tried every few seconds, and work goes on by itself when the API is "
                "back. The log line `outage_began` has the status. Look at the status page of the "
                "Claude API; if other workers go on, look at the network of these."
            ),
            over=f"calls to {model} are answered again",
        )
        for model, count in rows.items()
    }


def floods(group: Group) -> dict[str, Condition]:
    """Name the classes of which a worker holds back a flood of dead letters."""
    found = [flood for report in group.workers.values() for flood in report.floods.items()]
    workers = Counter(workload for workload, _ in found)
    return {
        f"flood/{workload}": Condition(
            kind="flood",
            message=(
                f"too many {workload} records fail at once: {_workers(count)} "
                f"{_hold(count)} back {sum(held for w, held in found if w is workload)} dead "
                f"letters and {_read(count)} no more {workload} records. Nothing is lost, lag "
                f"grows. See what they have in common: `headrace dlq stats --class {workload}`. If "
                "it began with a deploy, roll back. One record is tried every 10 s, and a success "
                f"ends this; so does `headrace breaker reset --class {workload}` (with --accept "
                "what is held becomes dead letters)."
            ),
            over=f"{workload} records succeed again, or the breaker was reset",
        )
        for workload, count in workers.items()
    }


def refusals(group: Group) -> dict[str, Condition]:
    """Name the topics that take nothing from a worker."""
    found = [row for report in group.workers.values() for row in report.refusals.items()]
    workers = Counter(topic for topic, _ in found)
    return {
        f"publish/{topic}": Condition(
            kind="publish",
            message=(
                f"the topic {topic} takes nothing from {_workers(count)}: "
                f"{', '.join(sorted({why for name, why in found if name == topic}))}. Their "
                "records wait, and nothing is committed past them. Create the topic (`headrace "
                "topics check` tells what is missing), or grant its ACL (Write); work goes on by "
                "itself."
            ),
            over=f"the topic {topic} takes records again",
        )
        for topic, count in workers.items()
    }


def _workers(count: int) -> str:
    return f"{count} worker" if count == 1 else f"{count} workers"


def _hold(count: int) -> str:
    return "holds" if count == 1 else "hold"


def _read(count: int) -> str:
    return "reads" if count == 1 else "read"
