from collections.abc import Iterable

import pytest

from streams.offsets import REMEMBERED, Offsets, Partition

HERE, THERE = ("documents.batch", 3), ("documents.batch", 4)


def tracker(*fetched: int) -> Offsets:
    offsets = Offsets()
    fetch(offsets, fetched)
    return offsets


def fetch(offsets: Offsets, fetched: Iterable[int]) -> None:
    for offset in fetched:
        offsets.fetched(HERE, offset, float(offset))


def end(offsets: Offsets, *ended: int) -> Offsets:
    for offset in ended:
        offsets.done(HERE, offset)
    return offsets


def still_open(offsets: Offsets, *among: int) -> list[int]:
    return [offset for offset in among if offsets.is_open(HERE, offset)]


def test_nothing_is_committed_before_anything_is_fetched() -> None:
    assert Offsets().watermark(HERE) is None
    assert Offsets().partitions == ()


def test_slow_head_holds_the_watermark() -> None:
    offsets = end(tracker(5, 6, 7), 6, 7)
    assert offsets.watermark(HERE) == 5
    assert offsets.uncommitted() == 3


def test_watermark_passes_all_that_is_done_at_once() -> None:
    offsets = end(tracker(5, 6, 7, 8), 7, 6, 5)
    assert offsets.watermark(HERE) == 8
    assert offsets.uncommitted() == 1


def test_watermark_is_one_past_the_last_when_all_is_done() -> None:
    assert end(tracker(5, 6), 5, 6).watermark(HERE) == 7


def test_gaps_hold_nothing_back() -> None:
    offsets = tracker(5, 9, 20)
    assert end(offsets, 5).watermark(HERE) == 9
    assert end(offsets, 9, 20).watermark(HERE) == 21


def test_end_of_an_offset_in_a_gap_moves_nothing() -> None:
    assert end(tracker(5, 9), 7).watermark(HERE) == 5


def test_record_is_registered_once() -> None:
    offsets = tracker(5, 6)
    fetch(offsets, (5, 6))
    assert offsets.uncommitted() == 2


def test_ending_twice_is_ending_once() -> None:
    assert end(tracker(5, 6, 7), 6, 6, 5, 5).watermark(HERE) == 7


def test_partitions_do_not_know_each_other() -> None:
    offsets = tracker(5)
    offsets.fetched(THERE, 5, 0.0)
    end(offsets, 5)
    assert (offsets.watermark(HERE), offsets.watermark(THERE)) == (6, 5)
    assert set(offsets.partitions) == {HERE, THERE}


def test_only_fetched_records_without_an_end_are_open() -> None:
    offsets = end(tracker(5, 6, 7), 6)
    assert still_open(offsets, 4, 5, 6, 7, 8) == [5, 7]


def test_nothing_of_a_revoked_partition_is_open_or_committed() -> None:
    offsets = tracker(5, 6)
    offsets.revoked(HERE)
    assert offsets.watermark(HERE) is None
    assert still_open(offsets, 5, 6) == []
    assert offsets.uncommitted() == 0


def test_revoking_twice_or_for_nothing_is_no_matter() -> None:
    offsets = end(tracker(5, 6), 6)
    offsets.revoked(HERE)
    offsets.revoked(HERE)
    offsets.revoked(THERE)
    fetch(offsets, (5, 6))
    assert still_open(offsets, 5, 6) == [5]


def test_what_was_done_beyond_the_watermark_is_done_when_it_comes_back() -> None:
    offsets = end(tracker(5, 6, 7), 6)
    offsets.revoked(HERE)
    fetch(offsets, (5, 6, 7))
    assert still_open(offsets, 5, 6, 7) == [5, 7]
    assert end(offsets, 5).watermark(HERE) == 7


def test_end_of_an_old_assignment_counts_for_the_new_one() -> None:
    offsets = tracker(5, 6)
    offsets.revoked(HERE)
    end(offsets, 5)
    fetch(offsets, (5, 6))
    assert still_open(offsets, 5, 6) == [6]


def test_end_before_its_redelivery_counts_too() -> None:
    offsets = tracker(5, 6, 7)
    offsets.revoked(HERE)
    fetch(offsets, (5,))
    end(offsets, 7)
    assert offsets.watermark(HERE) == 5
    fetch(offsets, (6, 7))
    assert still_open(offsets, 5, 6, 7) == [5, 6]


def test_end_behind_what_another_worker_committed_moves_nothing() -> None:
    offsets = tracker(5, 6)
    offsets.revoked(HERE)
    fetch(offsets, (30, 31))
    end(offsets, 5)
    assert offsets.watermark(HERE) == 30


def test_failed_last_commit_costs_a_repetition_and_no_loss() -> None:
    offsets = end(tracker(5, 6, 7), 5)
    offsets.revoked(HERE)
    fetch(offsets, (5, 6, 7))
    assert still_open(offsets, 5, 6, 7) == [5, 6, 7]


def test_topic_made_anew_starts_without_memories() -> None:
    offsets = end(tracker(5, 6, 7), 6, 7)
    offsets.revoked(HERE)
    fetch(offsets, (0, 1, 5, 6, 7))
    assert still_open(offsets, 0, 1, 5, 6, 7) == [0, 1, 5, 6, 7]


def test_memory_of_an_old_assignment_does_not_outlive_later_commits() -> None:
    offsets = end(tracker(5, 6, 60), 6, 60)
    offsets.revoked(HERE)
    fetch(offsets, (50,))
    offsets.revoked(HERE)
    fetch(offsets, (20, 60))  # lower than 50 was: another topic of that name
    assert still_open(offsets, 20, 60) == [20, 60]


def test_memory_is_bounded_and_what_does_not_fit_is_done_again() -> None:
    offsets = tracker(0)
    offsets.revoked(HERE)
    end(offsets, *range(1, REMEMBERED + 11))
    fetch(offsets, range(REMEMBERED + 11))
    assert len(still_open(offsets, *range(1, REMEMBERED + 11))) == 10


def test_age_is_that_of_the_oldest_record_that_holds_a_watermark() -> None:
    offsets = tracker(5, 6)
    offsets.fetched(THERE, 1, 5.5)
    assert offsets.oldest_age_s(10.0) == 5.0
    end(offsets, 5)
    assert offsets.oldest_age_s(10.0) == 4.5
    end(offsets, 6)
    offsets.done(THERE, 1)
    assert offsets.oldest_age_s(10.0) == 0.0


def test_log_that_begins_anew_is_read_like_any_other() -> None:
    offsets = end(tracker(7), 7)
    offsets.restarted(HERE)
    fetch(offsets, [0])
    assert still_open(offsets, 0) == [0]
    assert offsets.watermark(HERE) == 0


def test_epoch_changes_when_the_log_begins_anew_and_at_no_other_time() -> None:
    offsets = end(tracker(5, 6), 5)
    offsets.revoked(HERE)
    fetch(offsets, (6,))
    assert offsets.epoch(HERE) == 0
    offsets.restarted(HERE)
    offsets.restarted(HERE)
    fetch(offsets, (0,))
    assert (offsets.epoch(HERE), offsets.epoch(THERE)) == (2, 0)


def test_log_that_begins_anew_has_no_memories() -> None:
    offsets = end(tracker(5, 6, 7), 6, 7)
    offsets.revoked(HERE)
    offsets.restarted(HERE)
    fetch(offsets, (5, 6, 7))
    assert still_open(offsets, 5, 6, 7) == [5, 6, 7]


@pytest.mark.parametrize(
    ("delivered", "ended", "expected"),
    [
        pytest.param((), (), [], id="read ahead"),
        pytest.param((5,), (), [], id="the head itself"),
        pytest.param((5, 6), (), [(HERE, 5)], id="a later one"),
        pytest.param((6, 5), (), [(HERE, 5)], id="an earlier one again"),
        pytest.param((5, 6), (5,), [], id="the head is done"),
        pytest.param((5, 6, 9), (5,), [(HERE, 6)], id="the next head"),
        pytest.param((5, 6, 9), (6,), [(HERE, 5)], id="only others are done"),
        pytest.param((5, 6, 9), (5, 6, 9), [], id="all are done"),
    ],
)
def test_head_is_overtaken_when_a_later_record_was_delivered(
    delivered: tuple[int, ...], ended: tuple[int, ...], expected: list[tuple[Partition, int]]
) -> None:
    offsets = tracker(5, 6, 9)
    for offset in delivered:
        offsets.delivered(HERE, offset)
    assert end(offsets, *ended).overtaken() == expected


def test_each_partition_is_overtaken_for_itself() -> None:
    offsets = tracker(5, 6)
    offsets.fetched(THERE, 2, 0.0)
    offsets.fetched(THERE, 3, 0.0)
    offsets.delivered(THERE, 3)
    assert offsets.overtaken() == [(THERE, 2)]


def test_delivery_of_an_old_assignment_overtakes_nothing() -> None:
    offsets = tracker(5, 6)
    offsets.delivered(HERE, 6)
    offsets.revoked(HERE)
    offsets.delivered(HERE, 6)
    fetch(offsets, (5, 6))
    assert offsets.overtaken() == []
