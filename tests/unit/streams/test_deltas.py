import asyncio

from schemas.results import Delta
from streams.deltas import Deltas


class Gathered:
    """Deltas of one answer, and what they posted."""

    def __init__(self) -> None:
        self.posted: list[Delta] = []
        self.came = asyncio.Event()
        self.deltas = Deltas("evt-1", "assist", self._post)

    def _post(self, delta: Delta) -> None:
        self.posted.append(delta)
        self.came.set()

    @property
    def pieces(self) -> list[tuple[int, int, str]]:
        return [(delta.attempt, delta.sequence, delta.text) for delta in self.posted]


async def test_pieces_are_gathered_into_one_delta() -> None:
    gathered = Gathered()
    for piece in ("My ", "card ", "is lost"):
        gathered.deltas.add(0, piece)
    assert gathered.posted == []
    gathered.deltas.flush()
    (delta,) = gathered.posted
    assert delta == Delta(id="evt-1", task="assist", attempt=0, sequence=0, text="My card is lost")


async def test_gathered_pieces_are_posted_after_a_moment_by_themselves() -> None:
    gathered = Gathered()
    gathered.deltas.add(0, "Hello")
    await asyncio.wait_for(gathered.came.wait(), 5)
    assert gathered.pieces == [(0, 0, "Hello")]


async def test_sequence_goes_on_within_an_attempt() -> None:
    gathered = Gathered()
    for piece in ("a", "b"):
        gathered.deltas.add(0, piece)
        gathered.deltas.flush()
    assert gathered.pieces == [(0, 0, "a"), (0, 1, "b")]


async def test_new_attempt_starts_over_and_loses_nothing() -> None:
    gathered = Gathered()
    gathered.deltas.add(0, "first")
    gathered.deltas.add(1, "second")
    gathered.deltas.flush()
    assert gathered.pieces == [(0, 0, "first"), (1, 0, "second")]


async def test_flush_of_nothing_posts_nothing() -> None:
    gathered = Gathered()
    gathered.deltas.flush()
    gathered.deltas.add(0, "a")
    gathered.deltas.flush()
    gathered.deltas.flush()
    assert len(gathered.posted) == 1
