"""Faults of Claude's API: storms that meet everybody, and answers that go wrong one by one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from agents.simulator import Fault as Scripted
from agents.simulator import FaultKind
from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from tests.chaos.cast import LIMITS
from tests.chaos.fault import Blow, Fault, nothing
from tests.chaos.load import RATES
from tests.chaos.recipes import RESULT, Recipe, Spoil, spoiled

OUTAGE_S, SHORT_S, LONG_OUTAGE_S = 60.0, 20.0, 600.0
# Requests until the circuit knows, in three workers; then so much of the normal rate as probes.
FIRST_ASKED, OUTAGE_SHARE = 100, 0.05
STORM_429S = 8
LAST_S = 12.0
INTERACTIVE = WorkloadClass.INTERACTIVE
INVALID, TRUNCATED = Disposition.OUTPUT_INVALID, Disposition.TRUNCATED


async def storm_429(blow: Blow) -> list[str]:
    """429s with a retry-after of 1 to 5 s (1 to 120 s in the long run), one after the other."""
    for _ in range(STORM_429S):
        wait_s = blow.draw.uniform(1, 120 if blow.is_long else 5)
        blow.arena.simulator.script(
            Scripted(FaultKind.RATE_LIMITED, times=1, retry_after_s=round(wait_s))
        )
        await blow.arena.for_s(wait_s)
    blow.arena.simulator.clear_faults()
    return []


async def overloaded(blow: Blow) -> list[str]:
    """529 to every request for 60 s (10 minutes in the long run)."""
    return await _outage(blow, FaultKind.OVERLOADED_529, OUTAGE_S)


async def errors_500(blow: Blow) -> list[str]:
    """500 to every request for 20 s (10 minutes in the long run)."""
    return await _outage(blow, FaultKind.ERROR_500, SHORT_S)


async def limits_changed(blow: Blow) -> list[str]:
    """The API halves the limits while running, later doubles them, later restores them."""
    simulator = blow.arena.simulator
    for factor in (0.5, 2.0, 1.0):
        changed = round(LIMITS.requests_per_minute * factor)
        simulator.set_limits(replace(LIMITS, requests_per_minute=changed))
        if factor != 1:
            await blow.arena.for_s(10)
    return []


async def key_refused(blow: Blow) -> list[str]:
    """The key is refused once: the model is held until the probe a minute later."""
    blow.arena.simulator.script(Scripted(FaultKind.UNAUTHORIZED, times=1))
    await blow.arena.for_s(70)
    return []


async def _outage(blow: Blow, kind: FaultKind, short_s: float) -> list[str]:
    simulator = blow.arena.simulator
    lasts_s = LONG_OUTAGE_S if blow.is_long else short_s
    simulator.script(Scripted(kind))
    before = simulator.ledger.totals().requests
    await blow.arena.for_s(lasts_s)
    asked = simulator.ledger.totals().requests - before
    simulator.clear_faults()
    most = FIRST_ASKED + OUTAGE_SHARE * lasts_s * sum(RATES.values())
    if asked <= most:
        return []
    return [f"{asked} requests into an outage of {lasts_s:.0f} s, {most:.0f} allowed"]


def lasting(recipe: Recipe, told: str) -> tuple[Recipe, Callable[[Blow], Awaitable[list[str]]]]:
    """Return a recipe with a strike that only lets it last."""

    async def strike(blow: Blow) -> list[str]:
        await blow.arena.for_s(LAST_S)
        return await nothing(blow)

    strike.__doc__ = told
    return recipe, strike


def one_by_one(name: str, told: str, *spoils: Spoil, share: float = 0.1, **more: object) -> Fault:
    """Return the row of faults that meet single events."""
    only = more.get("only")
    assert only is None or isinstance(only, WorkloadClass)
    recipe, strike = lasting(spoiled(share, *spoils, only=only), told)
    return Fault(name=name, strike=strike, recipe=recipe)


def ends(kind: FaultKind, end: str = RESULT, times: int = 1) -> Spoil:
    """Return what a fault does to an event."""
    return Spoil(kind=kind, end=end, times=times)


FAULTS = (
    Fault(name="429-storm", strike=storm_429),
    Fault(name="529-outage", strike=overloaded, recover_s=20, settle_s=120),
    Fault(name="500-outage", strike=errors_500, recover_s=20, settle_s=120),
    one_by_one("hang", "Calls that hang until the timeout.", ends(FaultKind.HANG)),
    one_by_one(
        "reset",
        "Connections reset before and after the headers.",
        ends(FaultKind.RESET_BEFORE_HEADERS),
        ends(FaultKind.RESET_AFTER_HEADERS),
    ),
    one_by_one(
        "broken-stream",
        "Streams cut in the middle, with an error event, or without message_stop.",
        ends(FaultKind.CUT_STREAM),
        ends(FaultKind.ERROR_EVENT),
        ends(FaultKind.NO_MESSAGE_STOP),
        share=0.4,
        only=INTERACTIVE,
    ),
    one_by_one(
        "bad-output",
        "Malformed, invalid, truncated, refused, empty and wrong-case output, once and twice.",
        ends(FaultKind.MALFORMED_OUTPUT),
        ends(FaultKind.MALFORMED_OUTPUT, INVALID, 2),
        ends(FaultKind.SCHEMA_INVALID),
        ends(FaultKind.EMPTY, INVALID, 2),
        ends(FaultKind.TRUNCATED),
        ends(FaultKind.TRUNCATED, TRUNCATED, 2),
        ends(FaultKind.REFUSAL, Disposition.REFUSED),
        ends(FaultKind.WRONG_CASE_ENUM),
    ),
    Fault(
        name="limits-changed", strike=limits_changed, rejections=30, unlimited=True, recover_s=30
    ),
    Fault(name="key-refused", strike=key_refused, recover_s=30, settle_s=120),
    one_by_one(
        "mixed-5-percent",
        "5 % of the events meet a fault of any kind that does not ask for a person.",
        *(
            ends(kind)
            for kind in (
                FaultKind.RATE_LIMITED,
                FaultKind.RAMP_LIMITED,
                FaultKind.ERROR_500,
                FaultKind.ERROR_503,
                FaultKind.ERROR_504,
                FaultKind.OVERLOADED_529,
                FaultKind.HTML_502,
                FaultKind.HANG,
                FaultKind.RESET_BEFORE_HEADERS,
                FaultKind.RESET_AFTER_HEADERS,
                FaultKind.MALFORMED_JSON,
                FaultKind.MALFORMED_OUTPUT,
                FaultKind.SCHEMA_INVALID,
                FaultKind.WRONG_CASE_ENUM,
                FaultKind.TRUNCATED,
                FaultKind.EMPTY,
            )
        ),
        ends(FaultKind.BAD_REQUEST_400, Disposition.REQUEST_REJECTED),
        ends(FaultKind.TOO_LARGE_413, Disposition.TOO_LARGE),
        ends(FaultKind.REFUSAL, Disposition.REFUSED),
        ends(FaultKind.SCHEMA_INVALID, INVALID, 2),
        share=0.05,
    ),
)
