import pytest

from streams.record import Partition
from streams.stalls import Stalls

ONE, TWO = ("documents.batch", 1), ("documents.batch", 2)


class Paused:
    """An intake that keeps which partitions are paused."""

    def __init__(self) -> None:
        self.partitions: set[Partition] = set()

    def pause(self, partition: Partition) -> None:
        self.partitions.add(partition)

    def resume(self, partition: Partition) -> None:
        self.partitions.remove(partition)  # never twice


def test_partition_stands_still_while_it_lasts() -> None:
    stalls, intake = Stalls(), Paused()
    stalls.attach(intake)
    with stalls.of(ONE):
        assert intake.partitions == {ONE}
        assert repr(stalls) == "Stalls([('documents.batch', 1)])"
    assert intake.partitions == set()
    assert repr(stalls) == "Stalls([])"


def test_partition_goes_on_with_the_last_of_its_records() -> None:
    stalls, intake = Stalls(), Paused()
    stalls.attach(intake)
    with stalls.of(ONE):
        with stalls.of(ONE), stalls.of(TWO):
            assert intake.partitions == {ONE, TWO}
        assert intake.partitions == {ONE}
    assert intake.partitions == set()


def test_partition_goes_on_after_an_exception() -> None:
    stalls, intake = Stalls(), Paused()
    stalls.attach(intake)
    with pytest.raises(ZeroDivisionError), stalls.of(ONE):
        raise ZeroDivisionError
    assert intake.partitions == set()


def test_without_an_intake_nothing_stands_still() -> None:
    stalls = Stalls()
    with stalls.of(ONE):
        assert repr(stalls) == "Stalls([('documents.batch', 1)])"
