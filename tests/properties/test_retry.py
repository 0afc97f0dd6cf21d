from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agents.claude.errors import (
    ClaudeError,
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from agents.claude.retry import CAP_S, RECORD_RETRIES, SPREAD, GiveUp, Retry, backoff_s, decide
from schemas.dead_letter import Disposition

KINDS: list[type[ClaudeError]] = [
    Interrupted,
    Misconfigured,
    RateLimited,
    RequestRejected,
    Unavailable,
]
FINAL = {Disposition.REQUEST_REJECTED, Disposition.TOO_LARGE, Disposition.ATTEMPTS_EXHAUSTED}
attempts = st.integers(0, 10_000)
randoms = st.builds(Random, st.integers(0, 2**32))
told = st.none() | st.floats(0, 1e6)
statuses = st.sampled_from([0, 200, 400, 401, 413, 422, 429, 500, 529])


@st.composite
def errors(draw: st.DrawFn) -> ClaudeError:
    kind = draw(st.sampled_from(KINDS))
    return kind("no", status=draw(statuses), retry_after_s=draw(told))


@given(error=errors(), record=attempts, dependency=attempts, succeed=st.booleans(), random=randoms)
def test_every_decision_has_an_end_or_a_bounded_wait(
    *,
    error: ClaudeError,
    record: int,
    dependency: int,
    succeed: bool,
    random: Random,
) -> None:
    decision = decide(
        error,
        record_attempts=record,
        dependency_attempts=dependency,
        others_succeed=succeed,
        random=random,
    )
    if isinstance(decision, GiveUp):
        assert decision.disposition in FINAL
        assert isinstance(error, RequestRejected | Interrupted)
        return
    least = error.retry_after_s or 0.0
    if isinstance(error, RateLimited | Unavailable):
        assert decision.after_s >= least
    assert 0 < decision.after_s <= max(CAP_S, 60 * (1 + SPREAD), least * (1 + SPREAD) + 1e-6)
    assert 0 <= decision.close_s <= decision.after_s


@given(error=errors(), dependency=attempts, succeed=st.booleans(), random=randoms)
def test_only_what_counts_against_the_record_ever_ends_by_attempts(
    *,
    error: ClaudeError,
    dependency: int,
    succeed: bool,
    random: Random,
) -> None:
    record = 0
    for _ in range(20):
        decision = decide(
            error,
            record_attempts=record,
            dependency_attempts=dependency,
            others_succeed=succeed,
            random=random,
        )
        if isinstance(decision, GiveUp):
            break
        record += decision.counts
    final = isinstance(error, RequestRejected)
    own = isinstance(error, Interrupted) and succeed
    assert isinstance(decision, GiveUp if final or own else Retry)
    assert record == (RECORD_RETRIES if own else 0)


@given(st.integers(0, 40), randoms)
def test_delays_are_spread_and_capped(tries: int, random: Random) -> None:
    delays = [backoff_s(tries, random) for _ in range(30)]
    assert all(0 < delay <= CAP_S for delay in delays)
    assert len(set(delays)) > 1  # workers do not march in step
