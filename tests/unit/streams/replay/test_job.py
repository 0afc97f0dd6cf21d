from datetime import UTC, datetime

import pytest

from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.replay.job import FilterTooLong, Job, Order, metadata, read
from streams.replay.letters import Filter

FULL = Order(
    wanted=Filter(
        workload=WorkloadClass.BATCH,
        disposition=Disposition.TRUNCATED,
        task="review",
        error="Stopped",
        since=datetime(2026, 11, 22, 12, tzinfo=UTC),
        until=datetime(2026, 11, 23, 12, 0, 0, 1500, tzinfo=UTC),
        key="kl\u00fcssel",
        id="evt-1",
    ),
    limit=7,
    rate=2.5,
    to_origin=True,
    ignore_expiry=True,
)
PLAIN = Order(wanted=Filter(), limit=0, rate=100)


@pytest.mark.parametrize("order", [FULL, PLAIN])
def test_order_comes_back_from_kafka(order: Order) -> None:
    ends = {("dlq", 0): 10, ("dlq", 1): 0}
    committed = {place: (0, metadata(order, end)) for place, end in ends.items()}
    assert read("ab", committed) == Job(id="ab", order=order, ends=ends)


@pytest.mark.parametrize(("offsets", "over"), [((9, 5), False), ((10, 4), False), ((10, 5), True)])
def test_job_is_over_when_all_ends_are_reached(offsets: tuple[int, int], *, over: bool) -> None:
    ends = (10, 5)
    committed = {
        ("dlq", number): (offset, metadata(PLAIN, end))
        for number, (offset, end) in enumerate(zip(offsets, ends, strict=True))
    }
    assert read("ab", committed).over is over


def test_metadata_fits_beside_an_offset() -> None:
    assert len(metadata(FULL, 2**60)) < 1000
    with pytest.raises(FilterTooLong, match="Kafka keeps 4096") as problem:
        metadata(Order(wanted=Filter(key="k" * 5000), limit=0, rate=1), 1)
    assert problem.value.exit_status == 2


@pytest.mark.parametrize("text", ["", "{}", '{"end":1}', "[]"])
def test_group_of_somebody_else_is_no_job(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read("ab", {("dlq", 0): (1, text)})


def test_rate_can_be_another_when_it_goes_on() -> None:
    job = Job(id="ab", order=FULL, ends={})
    assert job.at_rate(9).order.rate == 9
    assert job.at_rate(9).order.wanted == FULL.wanted
