"""One partition through the life of a worker, against a model of what Kafka and the others know."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.offsets import Offsets

PARTITION = ("documents.batch", 3)
PICK = st.integers(0, 10**6)
GAP = st.integers(0, 3)


class PartitionLife(RuleBasedStateMachine):
    """Appends, fetches, ends, commits, rebalances. `ended` is what any worker has settled."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = Offsets()
        self.log: list[int] = []
        self.next_offset = 0
        self.committed = 0
        self.assigned = True
        self.fetched: list[int] = []
        self.in_work: list[int] = []  # also of assignments that are over
        self.ended_here: set[int] = set()
        self.ended: set[int] = set()
        self.commit_failed = False

    @rule(gap=GAP)
    def append(self, gap: int) -> None:
        self.log.append(self.next_offset + gap)
        self.next_offset += gap + 1

    @property
    def coming(self) -> list[int]:
        """What the next fetches bring."""
        position = max(self.committed, self.fetched[-1] + 1 if self.fetched else 0)
        return [offset for offset in self.log if offset >= position]

    @precondition(lambda self: self.assigned and self.coming)
    @rule()
    def fetch(self) -> None:
        offset = self.coming[0]
        self.offsets.fetched(PARTITION, offset, float(len(self.fetched)))
        self.fetched.append(offset)
        if self.offsets.is_open(PARTITION, offset):
            self.in_work.append(offset)

    @precondition(lambda self: self.fetched)
    @rule(pick=PICK)
    def fetch_again(self, pick: int) -> None:
        self.offsets.fetched(PARTITION, self.fetched[pick % len(self.fetched)], 0.0)

    @precondition(lambda self: self.in_work)
    @rule(pick=PICK)
    def end(self, pick: int) -> None:
        offset = self.in_work.pop(pick % len(self.in_work))
        self.offsets.done(PARTITION, offset)
        self.ended |= {offset}
        self.ended_here |= {offset}

    @precondition(lambda self: self.assigned and self.fetched)
    @rule()
    def commit(self) -> None:
        watermark = self.offsets.watermark(PARTITION)
        assert watermark is not None
        assert watermark >= self.committed
        self.committed = watermark

    @precondition(lambda self: self.assigned)
    @rule(commit_fails=st.booleans())
    def revoke(self, *, commit_fails: bool) -> None:
        if self.fetched and not commit_fails:
            self.commit()
        self.commit_failed |= commit_fails
        self.offsets.revoked(PARTITION)
        self.assigned, self.fetched = False, []

    @precondition(lambda self: not self.assigned and self.coming)
    @rule(count=st.integers(1, 4))
    def another_worker_goes_on(self, count: int) -> None:
        """It settles the next few records and commits behind them."""
        taken = self.coming[:count]
        self.ended |= set(taken)
        self.committed = taken[-1] + 1

    @precondition(lambda self: not self.assigned)
    @rule()
    def assign(self) -> None:
        self.assigned = True

    @invariant()
    def watermark_never_passes_unfinished_work(self) -> None:
        watermark = self.offsets.watermark(PARTITION)
        assert (watermark is None) == (not self.fetched)
        assert not [o for o in self.log if o < (watermark or 0) and o not in self.ended]
        assert not [o for o in self.log if o < self.committed and o not in self.ended]

    @invariant()
    def watermark_is_as_high_as_it_may_be(self) -> None:
        unfinished = [o for o in self.fetched if o not in self.ended_here]
        if self.fetched and not self.commit_failed:
            expected = unfinished[0] if unfinished else self.fetched[-1] + 1
            assert self.offsets.watermark(PARTITION) == expected

    @invariant()
    def open_is_what_was_fetched_and_has_not_ended(self) -> None:
        for offset in self.log:
            is_open = self.offsets.is_open(PARTITION, offset)
            if offset not in self.fetched:
                assert not is_open
            elif offset not in self.ended_here:
                assert is_open
            elif not self.commit_failed:
                assert not is_open

    @invariant()
    def uncommitted_counts_from_the_watermark(self) -> None:
        watermark = self.offsets.watermark(PARTITION) or 0
        assert self.offsets.uncommitted() == len([o for o in self.fetched if o >= watermark])


TestPartitionLife = PartitionLife.TestCase
TestPartitionLife.settings = settings(deadline=None, max_examples=150, stateful_step_count=60)
