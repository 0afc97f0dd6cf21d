"""What the load publishes: plain events, spoiled ones, poison; and the end each must find."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from agents.simulator import Fault, FaultKind, Simulator
from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from tests.chaos.tasks import KILLS, mood
from tests.harness import event

TEXTS = (
    "where is my parcel?",
    "the invoice of march was charged twice",
    "please block my card, I lost it in the train",
    "the app closes when I open my statements",
    "how long does a transfer abroad take?",
)
RESULT = "result"
Ends = frozenset[str]
ONLY_RESULT: Ends = frozenset({RESULT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A value to publish, and the ends it may find: `result`, or dispositions."""

    value: bytes | None
    ends: Ends = ONLY_RESULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Kitchen:
    """What a recipe may use."""

    simulator: Simulator
    draw: Random


# Gets the kitchen, the event's marker and its class.
Recipe = Callable[[Kitchen, str, WorkloadClass], Planned]


def plain(kitchen: Kitchen, marker: str, _: WorkloadClass) -> Planned:
    """Make an event that nothing happens to."""
    return Planned(value=event(marker, kitchen.draw.choice(TEXTS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoil:
    """A fault that meets an event so many times, and the end that the retry table gives it."""

    kind: FaultKind
    times: int = 1
    end: str = RESULT
    status: int | None = None


def spoiled(
    share: float, *spoils: Spoil, only: WorkloadClass | None = None, more: str = ""
) -> Recipe:
    """Return a recipe in which so many of the events meet one of these faults.

    `more` is an end that is right, too.
    """

    def recipe(kitchen: Kitchen, marker: str, workload: WorkloadClass) -> Planned:
        made = plain(kitchen, marker, workload)
        hit = kitchen.draw.random() < share
        choice = kitchen.draw.choice(spoils)
        if not hit or (only and workload is not only):
            return made
        kitchen.simulator.script(
            Fault(
                choice.kind,
                text=f"({marker})",
                times=choice.times,
                retry_after_s=1,
                status=choice.status,
            )
        )
        return Planned(value=made.value, ends=frozenset({choice.end, more or choice.end}))

    return recipe


def mooded(*ends: str) -> Recipe:
    """Return a recipe in which realtime events ask for the task that can be broken."""

    def recipe(kitchen: Kitchen, marker: str, workload: WorkloadClass) -> Planned:
        if workload is not WorkloadClass.REALTIME:
            return plain(kitchen, marker, workload)
        value = event(marker, kitchen.draw.choice(TEXTS), task=mood.name)
        return Planned(value=value, ends=frozenset(ends))

    return recipe


def killer(_: Kitchen, marker: str, __: WorkloadClass) -> Planned:
    """Make an event that kills who works on it."""
    value = event(marker, KILLS, task=mood.name)
    return Planned(value=value, ends=frozenset({Disposition.ATTEMPTS_EXHAUSTED}))


POISON: Mapping[Disposition, tuple[Callable[[str], bytes | None], ...]] = {
    Disposition.UNDECODABLE: (
        lambda _: None,
        lambda _: b"",
        lambda marker: b'{"id":"' + marker.encode() + b'","text":"caf\xe9"}',
        lambda marker: f"where is my parcel? ({marker})".encode(),
        lambda marker: b'{"id":"' + marker.encode() + b'","text":"a"',
    ),
    Disposition.SCHEMA_INVALID: (
        lambda marker: event(marker, colour="red"),
        lambda marker: b'{"text":"' + marker.encode() + b'"}',
        lambda marker: b'["' + marker.encode() + b'"]',
    ),
    Disposition.UNKNOWN_TASK: (lambda marker: event(marker, task="translate"),),
    Disposition.TOO_LARGE: (lambda marker: event(marker, "x" * 1_000_000),),
}


def poison(share: float) -> Recipe:
    """Return a recipe in which so many of the records can never be done."""
    kinds = [(end, make) for end, makes in POISON.items() for make in makes]

    def recipe(kitchen: Kitchen, marker: str, workload: WorkloadClass) -> Planned:
        made = plain(kitchen, marker, workload)
        end, make = kitchen.draw.choice(kinds)
        if kitchen.draw.random() >= share:
            return made
        return Planned(value=make(marker), ends=frozenset({end}))

    return recipe
