import pytest

from agents.store.letters import after
from tests.store_builders import letter


@pytest.mark.parametrize(
    ("is_open", "replays", "kept", "left"),
    [
        (True, 1, None, 1),
        (True, 1, 0, 1),
        (True, 1, 1, 1),
        (True, 1, 2, 2),
        (False, 1, None, None),
        (False, 1, 0, None),
        (False, 1, 1, None),
        (False, 1, 2, 2),
    ],
)
def test_what_a_mark_leaves_open(
    *, is_open: bool, replays: int, kept: int | None, left: int | None
) -> None:
    assert after(letter(replays=replays, is_open=is_open), kept) == left
