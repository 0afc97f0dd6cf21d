from collections.abc import Iterable
from uuid import UUID

import pytest

from agents.alarms.alarm import HANDED_OVER, LINGER_S, Alarms, UseAlarm, announcement
from agents.alarms.conditions import Condition
from schemas.alert import Alert
from schemas.lease import Unit
from schemas.observation import LimitChanged
from schemas.standing import Standing
from tests.builders import MODEL
from tests.standing_builders import BATCH, using

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
HOLD_S = 30.0
AWAY = Condition(kind="store", message="it is away", over="it is back")


def watched(steps: Iterable[tuple[float, float]], **settings: float) -> list[tuple[float, str]]:
    """What an alarm does when use is so high at these seconds; (second, state) of each alert."""
    alarm = UseAlarm("headrace", settings.get("alert_at", 0.8), settings.get("hold_s", HOLD_S))
    return [
        (second, alert.state)
        for second, part in steps
        for alert in alarm.look([using(part)], NOON + second)
    ]


def held(steps: Iterable[tuple[float, bool]]) -> list[Alert]:
    """What is told when a condition is there or not at these seconds."""
    alarms = Alarms("headrace")
    return [
        alert
        for second, there in steps
        for alert in alarms.look({"store": AWAY} if there else {}, NOON + second)
    ]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([(0, 0.9), (29.9, 0.9)], []),
        ([(0, 0.9), (30, 0.9)], [(30, "raised")]),
        ([(0, 0.8), (60, 0.8)], []),  # not above
        ([(0, 0.9), (29, 0.5), (30, 0.9), (59, 0.9)], []),  # a break begins anew
        ([(0, 0.9), (29, 0.78), (30, 0.9), (59, 0.9)], []),
        ([(0, 0.9), (30, 0.9), (31, 0.9), (500, 0.9)], [(30, "raised")]),
        ([(0, 0.9), (30, 0.9), (31, 0.5), (60, 0.5)], [(30, "raised")]),
        ([(0, 0.9), (30, 0.9), (31, 0.5), (61, 0.5)], [(30, "raised"), (61, "cleared")]),
        ([(0, 0.9), (30, 0.9), (31, 0.78), (900, 0.76)], [(30, "raised")]),  # inside the band
        ([(0, 0.9), (30, 0.9), (31, 0.5), (60, 0.77), (61, 0.5), (90, 0.5)], [(30, "raised")]),
    ],
)
def test_use_rings_and_ends_only_when_it_lasts(
    steps: list[tuple[float, float]], told: list[tuple[float, str]]
) -> None:
    assert watched(steps) == told


def test_use_that_swings_about_the_line_rings_once() -> None:
    swings = [(float(second), 0.9 if second < 40 or second % 2 else 0.79) for second in range(600)]
    assert watched(swings) == [(30, "raised")]


def test_no_hold_rings_at_once() -> None:
    assert watched([(0, 0.9), (1, 0.5)], hold_s=0) == [(0, "raised"), (1, "cleared")]


@pytest.mark.parametrize("alert_at", [0.0, 0.04])
def test_smallest_thresholds_end_too(alert_at: float) -> None:
    steps = [(0.0, 0.5), (1.0, 0.0)]
    assert watched(steps, alert_at=alert_at, hold_s=0) == [(0, "raised"), (1, "cleared")]


def test_clock_that_is_set_back_delays_by_one_hold_at_most() -> None:
    assert watched([(0, 0.9), (-3600, 0.9), (-3570, 0.9)]) == [(-3570, "raised")]


def test_alert_and_its_end_are_one_by_id_and_tell_all() -> None:
    alarm = UseAlarm("headrace", 0.8, 0)
    (raised,) = alarm.look([using(0.9, Unit.OUTPUT_TOKENS)], NOON)
    assert alarm.raised == 1
    (cleared,) = alarm.look([using(0.1, Unit.OUTPUT_TOKENS)], NOON + 60)
    assert alarm.raised == 0
    assert UUID(raised.id).version == 5
    assert raised.id == cleared.id
    assert (raised.kind, raised.state, raised.model) == ("budget_use", "raised", MODEL)
    assert (raised.unit, raised.ratio, raised.by_class) == (Unit.OUTPUT_TOKENS, 0.9, {BATCH: 0.9})
    assert (cleared.state, cleared.ratio) == ("cleared", 0.1)
    assert raised.at.isoformat() == "2026-11-22T12:00:00+00:00"
    (again,) = alarm.look([using(0.9, Unit.OUTPUT_TOKENS)], NOON + 120)
    assert again.id != raised.id


def test_units_and_budgets_ring_by_themselves() -> None:
    alarm = UseAlarm("headrace", 0.8, 0)
    rows = [using(0.9, Unit.REQUESTS), using(0.9, Unit.INPUT_TOKENS, budget="b", models=("b",))]
    found = alarm.look(rows, NOON)
    assert [(alert.model, alert.unit) for alert in found] == [
        (MODEL, "requests"),
        ("b", "input_tokens"),
    ]
    assert len({alert.id for alert in found}) == alarm.raised == 2


def test_two_applications_have_different_alerts() -> None:
    ids = {UseAlarm(app, 0.8, 0).look([using(0.9)], NOON)[0].id for app in ("shop", "bank")}
    assert len(ids) == 2


def test_budget_that_nobody_reports_is_idle() -> None:
    alarm = UseAlarm("headrace", 0.8, 0)
    alarm.look([using(0.9)], NOON)
    (cleared,) = alarm.look([], NOON + 1)
    assert (cleared.state, cleared.ratio) == ("cleared", 0)
    assert alarm.look([], NOON + 2) == ()


def test_budget_that_was_away_begins_anew() -> None:
    alarm = UseAlarm("headrace", 0.8, HOLD_S)
    seen: list[list[Standing]] = [[using(0.9)], [], [using(0.9)]]
    told = [alarm.look(rows, NOON + 20 * step) for step, rows in enumerate(seen)]
    assert told == [(), (), ()]


def test_released_alarm_clears_what_is_raised_and_begins_anew() -> None:
    alarm = UseAlarm("headrace", 0.8, 0)
    (raised,) = alarm.look([using(0.9)], NOON)
    (cleared,) = alarm.release(NOON + 1)
    assert (cleared.id, cleared.state, cleared.message) == (raised.id, "cleared", HANDED_OVER)
    assert alarm.release(NOON + 2) == ()
    (again,) = alarm.look([using(0.9)], NOON + 3)
    assert again.id != raised.id


def test_released_conditions_are_cleared_and_begin_anew() -> None:
    alarms = Alarms("headrace")
    (raised,) = alarms.look({"store": AWAY}, NOON)
    (cleared,) = alarms.release(NOON + 1)
    assert (cleared.id, cleared.state, cleared.message) == (raised.id, "cleared", HANDED_OVER)
    assert alarms.raised.total() == 0
    (again,) = alarms.look({"store": AWAY}, NOON + 2)
    assert again.id != raised.id


def test_condition_is_raised_at_once_and_cleared_when_it_stays_away() -> None:
    raised, cleared = held([(0, True), (10, True), (20, False), (20 + LINGER_S, False)])
    assert (raised.state, raised.message) == ("raised", "it is away")
    assert (cleared.state, cleared.message) == ("cleared", "it is back")
    assert raised.id == cleared.id
    assert (cleared.at - raised.at).total_seconds() == 20 + LINGER_S


def test_condition_that_comes_and_goes_is_told_once() -> None:
    tries = [(float(second), second % 60 != 0) for second in range(1, 600)]
    assert [alert.state for alert in held(tries)] == ["raised"]


def test_conditions_are_counted_by_kind() -> None:
    alarms = Alarms("headrace")
    money = {f"spend/{name}": Condition(kind="spend", message=name, over="") for name in ("a", "b")}
    found = alarms.look(money | {"store": AWAY}, NOON)
    assert len({alert.id for alert in found}) == 3
    assert alarms.raised == {"spend": 2, "store": 1}


def test_changed_limit_is_raised_and_cleared_at_once() -> None:
    fact = LimitChanged(model=MODEL, unit=Unit.INPUT_TOKENS, before=2e6, now=1e6)
    raised, cleared = announcement("headrace", fact, NOON)
    assert (raised.kind, raised.state, cleared.state) == ("limit_changed", "raised", "cleared")
    assert raised.id == cleared.id
    assert raised.message == cleared.message
    assert (
        raised.message
        == f"{MODEL}: the limit of input tokens a minute is 1,000,000 now, was 2,000,000"
    )


def test_limit_that_was_not_known() -> None:
    fact = LimitChanged(model=MODEL, unit=Unit.REQUESTS, before=0, now=50)
    assert fact.message.endswith("is 50 now, was not known")
