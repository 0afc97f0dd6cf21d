from collections.abc import Iterator
from random import Random

import pytest

from streams.record import Record
from streams.replay import register as registers
from streams.replay.register import Register
from streams.source import Source
from tests.stream_builders import record


@pytest.fixture
def register() -> Iterator[Register]:
    with Register() as made:
        yield made


def source(offset: int, replays: int = 0) -> Source:
    return Source(topic="in", partition=0, offset=offset, replays=replays)


def written(offset: int, timestamp: float, partition: int = 0) -> Record:
    return record(topic="dlq", partition=partition, offset=offset, timestamp=timestamp)


def offsets(register: Register, limit: int | None = None) -> list[int]:
    return [offset for page in register.pages(limit) for _, _, offset in page]


def test_letter_of_the_highest_replay_is_the_latest_whatever_the_clocks(
    register: Register,
) -> None:
    register.add(written(1, 30.0), source(7, replays=0), selected=True)
    register.add(written(2, 10.0), source(7, replays=1), selected=True)
    register.add(written(3, 20.0), source(7, replays=0), selected=True)
    assert offsets(register) == [2]


def test_of_equal_replays_the_later_is_the_latest(register: Register) -> None:
    for offset, at in ((1, 10.0), (3, 20.0), (2, 20.0)):
        register.add(written(offset, at), source(7), selected=True)
    assert offsets(register) == [3]


def test_letter_is_not_open_when_its_latest_is_not_selected(register: Register) -> None:
    register.add(written(1, 10.0), source(7), selected=True)
    register.add(written(2, 20.0), source(7, replays=1), selected=False)
    assert (register.count(), register.topics(), offsets(register)) == (0, [], [])


@pytest.mark.parametrize(("through", "is_open"), [(-1, True), (0, True), (1, False), (2, False)])
def test_replay_and_parking_close_letters_up_to_their_count(
    register: Register, through: int, *, is_open: bool
) -> None:
    register.close(source(7), through)
    register.add(written(2, 20.0), source(7, replays=1), selected=True)
    assert offsets(register) == ([2] if is_open else [])


def test_what_closes_most_counts(register: Register) -> None:
    register.add(written(2, 20.0), source(7, replays=1), selected=True)
    register.close(source(7), 1)
    register.close(source(7), 0)
    assert offsets(register) == []


def test_oldest_come_first_across_partitions_and_topics(register: Register) -> None:
    for offset, at, partition in ((1, 30.0, 0), (2, 10.0, 1), (3, 20.0, 0), (4, 20.0, 1)):
        register.add(written(offset, at, partition), source(offset), selected=True)
    assert offsets(register) == [2, 3, 4, 1]
    assert offsets(register, 2) == [2, 3]
    assert offsets(register, 0) == []
    assert register.topics() == ["dlq"]


def test_pages_are_bounded(register: Register) -> None:
    count = 2 * registers.PAGE_LETTERS + 1
    for offset in range(count):
        register.add(written(offset, offset), source(offset), selected=True)
    assert [len(page) for page in register.pages()] == [1000, 1000, 1]
    assert (register.count(), offsets(register)) == (count, list(range(count)))


def test_page_of_large_letters_is_short(register: Register) -> None:
    large = bytes(registers.PAGE_BYTES // 2)
    for offset in range(3):
        made = record(large, topic="dlq", partition=0, offset=offset, timestamp=offset)
        register.add(made, source(offset), selected=True)
    assert [len(page) for page in register.pages()] == [1, 1, 1]


def test_job_sends_what_is_left_of_its_limit(register: Register) -> None:
    for offset, job in enumerate(("a", "b", "a", "")):
        register.close(source(offset), 0, job)
    assert [register.left(job, 2) for job in "abc"] == [0, 1, 2]
    assert register.left("a", 0) is None


def test_job_that_sent_a_letter_twice_still_has_a_limit(register: Register) -> None:
    for _ in range(2):
        register.close(source(1), 0, "a")
    register.add(written(2, 20.0), source(2), selected=True)
    assert offsets(register, register.left("a", 1)) == []


def test_order_of_reading_does_not_matter() -> None:
    steps = [(offset % 5, offset % 3, offset) for offset in range(40)]
    closings = [(0, 0), (1, 2), (2, 1)]
    found = set()
    for seed in range(5):
        random = Random(seed)
        with Register() as register:
            mixed: list[tuple[int, ...]] = [*steps, *closings]
            random.shuffle(mixed)
            for step in mixed:
                if len(step) == 2:
                    register.close(source(step[0]), step[1])
                else:
                    of = source(step[0], replays=step[1])
                    register.add(written(step[2], step[2]), of, selected=True)
            found.add(tuple(offsets(register)))
    assert len(found) == 1
