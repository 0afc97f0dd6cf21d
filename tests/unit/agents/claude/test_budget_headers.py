import pytest

from agents.claude.budget import NOTHING, PROBE_PATIENCE_S, Budget, Need, Reservation
from agents.claude.limits import Heard, Unit
from schemas.sections import Ceiling

NOW = 1000.0
NEED = Need(input_tokens=0, output_tokens=100)


def granted(budget: Budget, need: Need = NEED, now: float = NOW) -> Reservation:
    budget.enqueue(need, 0, 0.0)
    ((_, reservation),) = budget.grant(now).granted
    return reservation


def told(unit: Unit, limit: int, remaining: int) -> list[Heard]:
    return [Heard(unit=unit, limit=limit, remaining=remaining)]


def test_unknown_limits_let_one_call_at_a_time_find_out() -> None:
    made = Budget(Ceiling(), NOW)
    first = granted(made)
    made.enqueue(NEED, 0, 0.0)
    assert made.grant(NOW).granted == ()
    assert made.grant(NOW).next_at == NOW + PROBE_PATIENCE_S
    made.settle(first, NOTHING, NOW)  # it failed, and told nothing
    second = [reservation for _, reservation in made.grant(NOW).granted]
    assert len(second) == 1
    made.enqueue(NEED, 0, 0.0)
    assert made.grant(NOW).granted == ()


def test_answer_without_headers_means_no_limits() -> None:
    made = Budget(Ceiling(), NOW)
    granted(made)
    made.succeeded()
    for _ in range(50):
        granted(made)
    assert made.in_flight == 51


def test_first_header_opens_the_whole_burst() -> None:
    made = Budget(Ceiling(), NOW)
    first = granted(made)
    made.hear(told(Unit.REQUESTS, 600, 599), first, NOW)
    bucket = made.buckets[Unit.REQUESTS]
    assert (bucket.limit, bucket.capacity, bucket.level) == (600, 600, 590)


def test_one_configured_unit_is_enough_to_be_known() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    for _ in range(9):
        granted(made)
    made.enqueue(NEED, 0, 0.0)
    grants = made.grant(NOW)  # the tenth is the headroom
    assert grants.granted == ()
    assert grants.next_at == pytest.approx(NOW + 0.1)
    assert made.buckets[Unit.INPUT_TOKENS].limit is None


@pytest.mark.parametrize("limit", [300, 60])
def test_lower_limit_of_the_api_wins(limit: int) -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    made.hear(told(Unit.REQUESTS, limit, limit - 1), granted(made), NOW)
    assert made.buckets[Unit.REQUESTS].limit == limit


def test_own_lower_ceiling_stays_with_its_own_burst() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    made.hear(told(Unit.REQUESTS, 6000, 5999), granted(made), NOW)
    bucket = made.buckets[Unit.REQUESTS]
    assert (bucket.limit, bucket.capacity) == (600, 10)


def test_limit_that_comes_back_up_stops_at_the_ceiling() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    first = granted(made)
    for limit in (300, 600, 1200):
        made.hear(told(Unit.REQUESTS, limit, 0), first, NOW)
    assert made.buckets[Unit.REQUESTS].limit == 600


def test_other_users_of_the_key_are_yielded_to() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    made.hear(told(Unit.REQUESTS, 600, 2), granted(made), NOW)
    assert made.buckets[Unit.REQUESTS].level == 2


def test_header_is_older_than_the_grants_since_its_request() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    first = granted(made)
    for _ in range(3):
        granted(made)
    made.hear(told(Unit.REQUESTS, 600, 5), first, NOW)
    assert made.buckets[Unit.REQUESTS].level == 2  # 5 less the three granted since


def test_refill_since_the_request_is_not_forgotten() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    first = granted(made)
    made.grant(NOW + 0.5)
    made.hear(told(Unit.REQUESTS, 600, 0), first, NOW + 0.5)
    assert made.buckets[Unit.REQUESTS].level == pytest.approx(5)


def test_rounding_of_tokens_is_no_news() -> None:
    made = Budget(Ceiling(input_tokens_per_minute=60_000), NOW)
    held = granted(made, Need(input_tokens=400, output_tokens=0))
    made.hear(told(Unit.INPUT_TOKENS, 60_000, 1000), held, NOW)
    bucket = made.buckets[Unit.INPUT_TOKENS]
    assert (bucket.level, bucket.capacity) == (600, 1000)


def test_rounded_nothing_may_still_be_something() -> None:
    made = Budget(Ceiling(input_tokens_per_minute=60_000), NOW)
    held = granted(made, Need(input_tokens=0, output_tokens=0))
    made.hear(told(Unit.INPUT_TOKENS, 60_000, 0), held, NOW)
    assert made.buckets[Unit.INPUT_TOKENS].level == 500


def test_output_that_others_still_write_is_not_in_the_header() -> None:
    made = Budget(Ceiling(output_tokens_per_minute=600_000), NOW)
    first = granted(made, Need(input_tokens=0, output_tokens=100))
    granted(made, Need(input_tokens=0, output_tokens=7000))
    made.hear(told(Unit.OUTPUT_TOKENS, 600_000, 3000), first, NOW)
    assert made.buckets[Unit.OUTPUT_TOKENS].level == 2900  # 10,000 less what was granted


def test_headers_name_only_their_own_unit() -> None:
    made = Budget(Ceiling(requests_per_minute=600), NOW)
    made.hear(told(Unit.INPUT_TOKENS, 60_000, 60_000), granted(made), NOW)
    assert made.buckets[Unit.REQUESTS].limit == 600
    assert made.buckets[Unit.OUTPUT_TOKENS].limit is None
