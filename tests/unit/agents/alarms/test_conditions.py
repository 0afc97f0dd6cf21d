from typing import Any

import pytest

from agents.alarms.conditions import (
    away,
    floods,
    outages,
    refusals,
    refused,
    spending,
    strangers,
)
from schemas.standing import Group, WorkerReport
from tests.builders import MODEL
from tests.standing_builders import BATCH, REALTIME, standing

MIDNIGHT = 1_795_305_600.0  # 2026-11-22T00:00:00Z


def test_refused_key_is_a_condition_of_its_budget() -> None:
    shut = standing(closed_s=50.0, closed_for="configuration", waiting={BATCH: 12})
    ((name, found),) = refused([shut, standing(budget="other")]).items()
    assert (name, found.kind, found.model) == (f"refused/{MODEL}", "budget_closed", MODEL)
    assert MODEL in found.message
    assert "12 calls wait" in found.message
    assert found.over == f"calls to {MODEL} go out again"


@pytest.mark.parametrize(("closed_s", "reason"), [(50.0, "rate_limit"), (0.0, "configuration")])
def test_what_opens_by_itself_is_none(closed_s: float, reason: str) -> None:
    assert refused([standing(closed_s=closed_s, closed_for=reason)]) == {}


def test_each_held_class_is_a_condition_that_names_the_money_and_the_end() -> None:
    found = spending(9_123_000_000, 10, MIDNIGHT + 18 * 3600 + 30 * 60)
    assert list(found) == ["spend/batch", "spend/transactional"]
    message = found["spend/transactional"].message
    assert "$9.12 of max_usd_per_day = 10: transactional is held" in message
    assert "in 5 h 30 min" in message
    assert spending(9_123_000_000, 0, MIDNIGHT) == {}


def test_small_sums_are_not_rounded_away() -> None:
    found = spending(1_900_000, 0.002, MIDNIGHT)
    assert "$0.001900 of max_usd_per_day = 0.002:" in found["spend/batch"].message


def test_absent_store_says_why() -> None:
    assert away("") == {}
    found = away("redis://r:6379: no answer in 0.5 s")["store"]
    assert found.kind == "store"
    assert "redis://r:6379: no answer in 0.5 s" in found.message


@pytest.mark.parametrize(
    ("members", "heartbeats", "names"), [(3, 2, ["members"]), (2, 2, []), (1, 2, []), (0, 0, [])]
)
def test_member_without_a_heartbeat_is_a_stranger(
    members: int, heartbeats: int, names: list[str]
) -> None:
    assert list(strangers(members, heartbeats)) == names


def telling(**reports: dict[str, Any]) -> Group:
    """A group whose workers tell of such troubles."""
    workers = {
        name: WorkerReport(worker=name, classes=(BATCH, REALTIME), budgets=(), **trouble)
        for name, trouble in reports.items()
    }
    return Group(workers=workers)


def test_quiet_group_has_no_trouble() -> None:
    group = telling(one={}, other={})
    assert outages(group) | floods(group) | refusals(group) == {}


def test_outage_names_the_model_the_workers_and_what_to_look_at() -> None:
    group = telling(one={"outages": (MODEL, "other")}, other={"outages": (MODEL,)}, third={})
    found = outages(group)
    assert list(found) == [f"outage/{MODEL}", "outage/other"]
    shared, single = found.values()
    assert (shared.kind, shared.model) == ("outage", MODEL)
    assert "2 workers hold its records" in shared.message
    assert "1 worker holds its records" in single.message
    assert "Nothing is lost or dead-lettered" in shared.message
    assert shared.over == f"calls to {MODEL} are answered again"


def test_flood_names_the_class_what_is_held_and_what_to_do() -> None:
    group = telling(one={"floods": {BATCH: 200}}, other={"floods": {BATCH: 14, REALTIME: 3}})
    found = floods(group)
    assert list(found) == ["flood/batch", "flood/realtime"]
    batch, realtime = (condition.message for condition in found.values())
    assert "2 workers hold back 214 dead letters and read no more batch records" in batch
    assert "1 worker holds back 3 dead letters and reads no more realtime records" in realtime
    for words in ("headrace dlq stats --class batch", "headrace breaker reset --class batch"):
        assert words in batch
    assert "roll back" in batch
    assert {condition.kind for condition in found.values()} == {"flood"}


def test_topic_that_takes_nothing_is_named_with_all_reasons() -> None:
    topic = "results.batch"
    group = telling(
        one={"refusals": {topic: "TopicAuthorizationFailedError"}},
        other={"refusals": {topic: "TopicAuthorizationFailedError"}},
        third={"refusals": {topic: "no answer"}},
    )
    ((name, found),) = refusals(group).items()
    assert (name, found.kind) == (f"publish/{topic}", "publish")
    reasons = "TopicAuthorizationFailedError, no answer"
    assert f"{topic} takes nothing from 3 workers: {reasons}." in found.message
    assert "headrace topics check" in found.message
