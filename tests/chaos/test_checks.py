"""The checks themselves: each of them has to see what it is there for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents.simulator import LedgerEntry
from schemas.workload import WorkloadClass
from tests.chaos.books import Account, End, Kind
from tests.chaos.checks import Seen, judge
from tests.chaos.fault import Fault, nothing
from tests.chaos.purchases import purchases
from tests.chaos.recipes import ONLY_RESULT
from tests.chaos.recovery import back_after_s
from tests.outputs import Source

SOURCE: Source = ("interactions.realtime", 0, 7)
MARKER = "calm-000001"
FAULT = Fault(name="calm", strike=nothing)
BATCH = WorkloadClass.BATCH


def end(kind: Kind = "result", name: str = "a", disposition: str = "") -> End:
    return End(kind=kind, id=name, disposition=disposition, stage="call", at=1000)


def bought(**changes: Any) -> LedgerEntry:  # noqa: ANN401 - a builder
    plain: dict[str, Any] = dict.fromkeys(LedgerEntry.__dataclass_fields__)
    told = f"where is my parcel? ({MARKER})"
    plain |= {"admitted": True, "decision": "admitted", "completed": True, "status": 200}
    plain |= {"arrived_s": 10.0, "finished_s": 10.5, "arrived_at": 1000.0, "last_user_text": told}
    return LedgerEntry(**plain | changes)


def seen(*ends: End, replays: Sequence[str] = (), **changes: Any) -> Seen:  # noqa: ANN401 - a builder
    plain = Seen(
        inputs=[SOURCE],
        markers={SOURCE: MARKER},
        ends={SOURCE: ONLY_RESULT},
        accounts={SOURCE: Account(ends=list(ends), replays=set(replays))},
        strangers=0,
        passed=0,
        uncommitted=0,
        entries=[bought()],
        moments=[],
        recovered_s=1.0,
        found=[],
    )
    return replace(plain, **changes)


def test_one_input_one_result_is_no_break() -> None:
    row = judge(FAULT, seen(end()))
    assert (row.breaks, row.results, row.lost, row.repeats) == ((), 1, 0, 0)


def test_same_result_twice_is_a_repeat_and_no_break() -> None:
    row = judge(FAULT, seen(end(), end()))
    assert (row.breaks, row.repeats, row.double) == ((), 1, 0)


def test_letter_then_replay_then_result_is_one_end() -> None:
    letter = end("letter", "l", "OUTPUT_INVALID")
    row = judge(FAULT, seen(letter, end(), replays=["1"], entries=[bought(), bought()]))
    assert row.breaks == ()


BREAKS = {
    "1 lost": seen(),
    "1 double": seen(end(), end(name="b")),
    "1 double: ('interactions": seen(end("letter", "l", "REFUSED"), end()),
    "REFUSED@call for result": seen(end("letter", "l", "REFUSED")),
    "1 bought again without cause: calm-000001": seen(end(), entries=[bought(), bought()]),
    "1 repairs of 0": seen(end(), entries=[bought(), bought(last_user_text="again")]),
    "1 strangers": seen(end(), strangers=1),
    "1 commits past unfinished records": seen(end(), passed=1),
    "1 not committed": seen(end(), uncommitted=1),
    "not back to 90 %": seen(end(), recovered_s=float("inf")),
    "worker-1 ended by itself": seen(end(), found=["worker-1 ended by itself"]),
    "1 requests over the limits": seen(
        end(), entries=[bought(), bought(decision="rate_limited", admitted=False)]
    ),
    "requests more than the limit": seen(
        end(), entries=[bought(), *[bought(decision="fault:empty")] * 200]
    ),
}


@pytest.mark.parametrize("told", BREAKS)
def test_break_is_seen(told: str) -> None:
    assert told in judge(FAULT, BREAKS[told]).verdict


def test_call_in_the_air_at_a_kill_may_be_bought_again() -> None:
    again = [bought(), bought(arrived_at=1010.0, arrived_s=20.0, finished_s=20.5)]
    sorted_out = purchases(again, {MARKER: 1}, [(1000.2, 1000.2)], 5)
    assert (sorted_out.again, sorted_out.unexplained) == (1, 0)
    assert purchases(again, {MARKER: 1}, [(1005.0, 1005.0)], 5).unexplained == 1
    assert purchases([*again, bought()], {MARKER: 1}, [(1010.2, 1010.3)], 5).unexplained == 1


def test_spoiled_and_abandoned_calls_are_no_second_purchase() -> None:
    lasted = bought(completed=False, finished_s=15.0)
    entries = [bought(decision="fault:empty"), lasted, bought()]
    sorted_out = purchases(entries, {MARKER: 1}, [], 5)
    assert (sorted_out.unexplained, sorted_out.paid) == (0, 3)


def test_call_abandoned_without_cause_is_seen() -> None:
    entries = [bought(completed=False), bought()]
    assert purchases(entries, {MARKER: 1}, [], 5).names == (f"abandoned {MARKER}",)
    assert purchases(entries, {MARKER: 1}, [(1000.1, 1000.4)], 5).unexplained == 0


def test_rate_is_back_when_a_window_is_full_again() -> None:
    steady = [n / 10 for n in range(100)]
    pause = [at for at in steady if not 2 <= at < 6]
    assert back_after_s({BATCH: steady}, {BATCH: 10}, 2.0) == 0
    assert back_after_s({BATCH: pause}, {BATCH: 10}, 2.0) == pytest.approx(4.0)
    assert back_after_s({BATCH: pause[:30]}, {BATCH: 10}, 2.0) == float("inf")
