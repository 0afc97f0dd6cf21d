import pytest

from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.retry import PROBE_S, GiveUp, Retry, again, backoff_s, decide
from schemas.dead_letter import Disposition, Stage
from tests.fakes import Steady


def decided(
    error: ClaudeError, *, record: int = 0, dependency: int = 0, succeed: bool = False
) -> Retry | GiveUp:
    return decide(
        error,
        record_attempts=record,
        dependency_attempts=dependency,
        others_succeed=succeed,
        random=Steady(1.0),
    )


def retried(error: ClaudeError, *, record: int = 0, dependency: int = 0) -> Retry:
    decision = decided(error, record=record, dependency=dependency)
    assert isinstance(decision, Retry)
    return decision


def test_rate_limit_closes_the_budget_and_holds_the_record_a_little_longer() -> None:
    decision = retried(RateLimited("slow down", status=429, retry_after_s=40), record=9)
    assert decision.close_s == 40
    assert decision.after_s == pytest.approx(44)
    assert (decision.reason, decision.counts) == ("rate_limit", False)


@pytest.mark.parametrize("told", [None, 0.0])
def test_rate_limit_without_a_time_closes_for_a_second(told: float | None) -> None:
    assert retried(RateLimited("slow down", retry_after_s=told)).close_s == 1


def test_wrong_configuration_is_probed_once_a_minute_and_never_a_dead_letter() -> None:
    decision = retried(Misconfigured("no key", status=401), record=99, dependency=99)
    assert decision.close_s == PROBE_S
    assert decision.after_s == pytest.approx(66)
    assert (decision.reason, decision.counts) == ("configuration", False)


@pytest.mark.parametrize("succeed", [True, False])
def test_outage_is_not_the_records_fault_however_long_it_lasts(*, succeed: bool) -> None:
    decision = decided(Unavailable("529"), record=99, dependency=99, succeed=succeed)
    assert isinstance(decision, Retry)
    assert (decision.reason, decision.counts, decision.close_s) == ("outage", False, 0)
    assert decision.after_s == 10


@pytest.mark.parametrize(("dependency", "wait_s"), [(0, 0.5), (1, 1), (2, 2), (6, 10), (999, 10)])
def test_outage_waits_longer_each_time(dependency: int, wait_s: float) -> None:
    assert retried(Unavailable("sick"), dependency=dependency).after_s == wait_s


def test_time_that_an_outage_names_is_the_least_to_wait_and_spread_upward() -> None:
    assert retried(Unavailable("sick", retry_after_s=20)).after_s == pytest.approx(22)
    assert retried(Unavailable("sick", retry_after_s=1), dependency=99).after_s == 10


def test_interrupted_call_is_an_outage_while_nobody_succeeds() -> None:
    decision = retried(Interrupted("cut"), record=99)
    assert (decision.reason, decision.counts) == ("outage", False)


@pytest.mark.parametrize(("record", "wait_s"), [(0, 0.5), (1, 1.0)])
def test_interrupted_call_is_the_records_fault_when_others_succeed(
    record: int, wait_s: float
) -> None:
    decision = decided(Interrupted("cut"), record=record, dependency=50, succeed=True)
    assert isinstance(decision, Retry)
    assert (decision.reason, decision.counts, decision.after_s) == ("retry", True, wait_s)


def test_record_that_interrupts_three_times_alone_is_given_up() -> None:
    decision = decided(Interrupted("cut"), record=2, succeed=True)
    assert isinstance(decision, GiveUp)
    assert decision.disposition is Disposition.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize(
    ("status", "disposition"),
    [
        (400, Disposition.REQUEST_REJECTED),
        (422, Disposition.REQUEST_REJECTED),
        (413, Disposition.TOO_LARGE),
    ],
)
@pytest.mark.parametrize("succeed", [True, False])
def test_rejected_request_is_final(status: int, disposition: Disposition, *, succeed: bool) -> None:
    decision = decided(RequestRejected("no", status=status), succeed=succeed)
    assert isinstance(decision, GiveUp)
    assert (decision.disposition, decision.counts) == (disposition, True)


@pytest.mark.parametrize(
    ("error", "name", "kind"),
    [
        (
            Unavailable("sick", status=529, error_type="overloaded_error"),
            "Unavailable",
            "overloaded_error",
        ),
        (Unavailable("sick", status=502), "Unavailable", "502"),
        (Interrupted("cut"), "Interrupted", "connection"),
    ],
)
def test_failure_says_what_happened(error: ClaudeError, name: str, kind: str) -> None:
    failure = retried(error).failure
    assert (failure.stage, failure.error_class) == (Stage.CALL, name)
    assert (failure.error_type, failure.message) == (kind, str(error))


def test_own_exception_is_tried_again_twice() -> None:
    failure = retried(Unavailable("any")).failure
    decisions = [again(failure, attempts, Steady(1.0)) for attempts in range(4)]
    assert [isinstance(decision, Retry) for decision in decisions] == [True, True, False, False]


def test_backoff_has_a_least_and_a_most() -> None:
    assert [backoff_s(attempts, Steady(0.0)) for attempts in (0, 1, 99)] == [0.05, 0.1, 1.0]
    assert [backoff_s(attempts, Steady(1.0)) for attempts in (0, 1, 99)] == [0.5, 1.0, 10.0]
