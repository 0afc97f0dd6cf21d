"""How one input ended, from all that became of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from streams.audit.trace import AHEAD, Kind, Trace


class State(StrEnum):
    """Each input is in exactly one; the values are keys of `headrace audit --json`."""

    RESULT = "results"
    OPEN = "open_letters"
    REPLAYING = "replaying"
    PARKED = "parked"
    WAITING = "waiting"
    FORGOTTEN = "forgotten"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """From when on Kafka has everything, in seconds since the epoch; retention deletes the rest.

    `ends` speaks of results, dead letters and parked letters, `replays` of letters sent again.
    """

    ends: float = float("-inf")
    replays: float = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state of an input, its logical ends (more than one is a fault) and spare copies."""

    state: State
    ends: tuple[Trace, ...] = ()
    repeated: int = 0


def judge(at: float, traces: tuple[Trace, ...], memory: Memory, *, passed: bool) -> Verdict:
    """Decide on an input written `at`; `passed`: its group has committed past it."""
    ends = _ends(traces, memory)
    copies = sum(trace.copies - 1 for trace in traces if trace.kind is not Kind.REPLAY)
    if ends:
        state = _ended({end.kind for end in ends})
    elif replays := [trace for trace in traces if trace.kind is Kind.REPLAY]:
        state = _sent_again(replays, memory)
    else:
        state = _passed(at, memory) if passed else State.WAITING
    return Verdict(state=state, ends=ends, repeated=copies)


def _ended(kinds: set[Kind]) -> State:
    if Kind.RESULT in kinds:
        return State.RESULT
    return State.PARKED if Kind.PARKED in kinds else State.OPEN


def _sent_again(replays: list[Trace], memory: Memory) -> State:
    """Judge by the last replay: it may be in two topics, and to be read in one is enough."""
    newest = max(trace.replays for trace in replays)
    last = [trace for trace in replays if trace.replays == newest]
    if any(trace.mark == AHEAD for trace in last):
        return State.REPLAYING
    return _passed(min(trace.at for trace in last), memory)


def _passed(at: float, memory: Memory) -> State:
    return State.FORGOTTEN if at < memory.ends else State.MISSING


def _ends(traces: tuple[Trace, ...], memory: Memory) -> tuple[Trace, ...]:
    """Return the traces that are ends: all but replays, and the letters that something followed.

    A higher count proves the replay even where its record is gone. Beside a result, a letter whose
    replay may have been deleted is taken for a step on the way to it.
    """
    count = max((t.replays for t in traces if t.kind is not Kind.RESULT), default=0)
    parked = max((t.replays for t in traces if t.kind is Kind.PARKED), default=-1)
    answered = any(t.kind is Kind.RESULT for t in traces)

    def stands(letter: Trace) -> bool:
        forgotten = answered and letter.at < memory.replays
        return parked < letter.replays == count and not forgotten

    ends = (Kind.RESULT, Kind.PARKED)
    return tuple(t for t in traces if t.kind in ends or (t.kind is Kind.LETTER and stands(t)))
