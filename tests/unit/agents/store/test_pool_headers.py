"""What headers do to the level: it falls at once, and rises by what a whole second shows."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.store.pool import FIRST_STOCK, RAISE_S, Pool
from schemas.lease import ROUNDING, Amounts, Closing, Lease, Rules, Told, nothing
from tests.store_builders import CEILINGS, RULES, START, ask, full, want

BURST_S = 10.0
# A hundred requests, ten thousand input and two thousand output tokens fit.
HALF = [50.0, 5000.0, 1000.0]
CLOSE = 1e-4


def pool() -> Pool:
    """Return a pool that is half empty."""
    made = full(Pool.first(ask(bursts_s=[BURST_S] * 3), START), BURST_S)
    made.exchange(ask(want(need=HALF)), START + BURST_S)
    return made


@dataclass(slots=True, kw_only=True)
class Listener:
    """A pool, a clock, and headers that show so much more than the level."""

    pool: Pool = field(default_factory=pool)
    now: float = START + BURST_S

    def hear(self, gaps: Amounts, **changes: Any) -> Lease:  # noqa: ANN401 - any field of an ask
        """Tell of a request that is admitted now, with nothing on its way."""
        before = self.pool.exchange(ask(**changes), self.now)
        remaining = [
            level + gap + rounding
            for level, gap, rounding in zip(before.levels, gaps, ROUNDING, strict=True)
        ]
        told = Told(age_s=0, mark=before.mark, limits=CEILINGS, remaining=remaining)
        return self.pool.exchange(ask(told=(told,), **changes), self.now)

    def raised(self, *heard: Amounts, **changes: Any) -> Amounts:  # noqa: ANN401 - as above
        """Tell several, the last one when RAISE_S has passed; return what the level gained."""
        for gaps in heard[:-1]:
            self.hear(gaps, **changes)
        self.now += RAISE_S
        before = self.pool.exchange(ask(**changes), self.now).levels
        after = self.hear(heard[-1], **changes).levels
        return [b - a for a, b in zip(before, after, strict=True)]


def requests(gap: float) -> Amounts:
    return [gap, 0.0, 0.0]


def test_level_falls_at_once_to_what_a_header_allows() -> None:
    listener = Listener()
    # Input is rounded to thousands, on the way up and on the way down.
    assert listener.hear([-5.0, -1800.0, 0.0]).levels == pytest.approx([45, 4200, 1000])


def test_first_header_of_a_second_raises_nothing() -> None:
    assert Listener().hear(requests(9)).levels[0] == pytest.approx(50)


@pytest.mark.parametrize("gaps", [(9, 0, 0), (0, 9, 0), (0, 0, 9), (9, -0.5, 9)])
def test_gap_that_not_all_headers_of_a_second_show_raises_nothing(gaps: tuple[float, ...]) -> None:
    assert Listener().raised(*map(requests, gaps))[0] == pytest.approx(0, abs=CLOSE)


@pytest.mark.parametrize("gaps", [(3, 5, 7), (7, 3, 5), (5, 7, 3)])
def test_level_is_raised_by_the_least_gap_of_a_second(gaps: tuple[float, ...]) -> None:
    heard = [[gap, 50 * gap, 0.0] for gap in gaps]
    assert Listener().raised(*heard) == pytest.approx([3, 150, 0], abs=CLOSE)


def test_every_second_is_judged_by_its_own_headers() -> None:
    listener = Listener()
    assert listener.raised(requests(0), requests(4))[0] == pytest.approx(0, abs=CLOSE)
    assert listener.raised(requests(4), requests(4))[0] == pytest.approx(4)
    assert listener.raised(requests(0))[0] == pytest.approx(0, abs=CLOSE)


def test_second_without_headers_raises_nothing() -> None:
    listener = Listener()
    listener.raised(requests(4), requests(4))
    listener.now += 0.2
    before = listener.pool.exchange(ask(), listener.now).levels[0]
    listener.now += 0.2
    assert listener.pool.exchange(ask(), listener.now).levels[0] == pytest.approx(before + 2)


@pytest.mark.parametrize(("remaining", "level"), [(58, 50 - 6 + 10), (40, 40 - 6 + 10)])
def test_what_was_granted_after_a_request_is_not_in_its_header(
    remaining: float, level: float
) -> None:
    listener = Listener()
    mark = listener.pool.exchange(ask(), listener.now).mark
    listener.pool.exchange(ask(want(need=[6, 0, 0])), listener.now)
    listener.now += RAISE_S
    told = Told(age_s=RAISE_S, mark=mark, limits=CEILINGS, remaining=[remaining, 5000, 1000])
    lease = listener.pool.exchange(ask(told=(told,)), listener.now)
    assert lease.levels[0] == pytest.approx(level)


def test_level_is_never_raised_above_the_top() -> None:
    """A ramp limit makes the bucket smaller than the one that headers describe."""
    listener = Listener()
    listener.pool.exchange(
        ask(closing=Closing(seconds=0, reason="rate_limit", ramp=True)), listener.now
    )
    listener.hear(requests(40))
    listener.now += RAISE_S
    lease = listener.hear(requests(40))
    assert lease.levels[0] == lease.capacities[0] < 90


def test_output_is_never_raised() -> None:
    """It is counted as it is produced: what calls in flight will take is still there."""
    shown = [0.0, 0.0, 300.0]
    assert Listener().raised(shown, shown) == pytest.approx(nothing(), abs=CLOSE)


@pytest.mark.parametrize(
    "changes",
    [{"share": 0.5}, {"rules": Rules(ceilings=[300.0, *CEILINGS[1:]], reserves=RULES.reserves)}],
)
def test_part_of_the_limit_learns_nothing_from_what_the_whole_has_left(
    changes: dict[str, Any],
) -> None:
    listener = Listener()
    listener.pool.exchange(ask(want(need=[30, 0, 0])), listener.now)  # well below the half
    heard = [requests(9), requests(9)]
    assert listener.raised(*heard, **changes)[0] == pytest.approx(0, abs=CLOSE)


def test_marks_from_before_a_flush_count_as_nothing_leased_since() -> None:
    """The pool forgot what it had charged; the header alone says what is left."""
    forgot = Pool.first(ask(fresh=False, bursts_s=[BURST_S] * 3), START)
    before = forgot.exchange(ask(), START + 2).levels
    assert before == pytest.approx([20, 2000, 400])
    told = Told(age_s=0.5, mark=[9e5] * 3, limits=CEILINGS, remaining=[7, 1000, 0])
    lease = forgot.exchange(ask(told=(told,)), START + 2)
    assert lease.levels == pytest.approx([7 + 5, 1000 + 500 + 500, 400])


def test_first_header_of_unknown_limits_tells_what_is_there() -> None:
    """Calls went one by one until then, so nothing else is on its way."""
    rules = Rules(ceilings=nothing(), reserves=RULES.reserves)
    unknown = Pool.first(ask(rules=rules), START)
    lease = unknown.exchange(ask(want(need=[1.0, 50.0, 5.0]), rules=rules), START)
    assert (lease.granted, lease.probing) == ([0], True)
    told = Told(age_s=0.5, mark=lease.mark, limits=CEILINGS, remaining=[59.0, 6500.0, 1500.0])
    after = unknown.exchange(ask(told=(told,), rules=rules), START + 0.5)
    left = [59.0, 6000.0, 1000.0]
    grown = [a - FIRST_STOCK * b for a, b in zip(after.levels, left, strict=True)]
    # What the bucket proves to hold beyond the burst that was assumed is added to the level.
    assert after.limits == CEILINGS
    assert all(0 <= more <= b for more, b in zip(grown, left, strict=True))
    assert all(
        level <= capacity for level, capacity in zip(after.levels, after.capacities, strict=True)
    )
