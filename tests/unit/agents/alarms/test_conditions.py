import pytest

from agents.alarms.conditions import away, refused, spending, strangers
from tests.builders import MODEL
from tests.standing_builders import BATCH, standing

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
