"""Where cache marks may stand; also puts the automatic mark."""

from collections.abc import Sequence
from dataclasses import replace

from agents.simulator.requests.blocks import CacheControl
from agents.simulator.requests.errors import ApiError
from agents.simulator.requests.prompt import Piece, Prompt

MAX_MARKS = 4


def check_marks(prompt: Prompt) -> str | None:
    """Return what is wrong with the explicit marks, if anything."""
    marked = [piece for piece in prompt.pieces if piece.mark]
    if len(marked) > MAX_MARKS:
        return _too_many(len(marked))
    for piece in marked:
        if not piece.can_be_marked:
            return f"{piece.path}: cache_control cannot be set for empty text blocks"
    return _order(marked)


def with_automatic_mark(prompt: Prompt, control: CacheControl | None) -> Prompt:
    """Mark the last block that can be cached, as top-level `cache_control` asks.

    Raises `ApiError` when that block has a mark of another lifetime or all marks are taken.
    """
    places = [place for place, piece in enumerate(prompt.pieces) if piece.can_be_marked]
    if control is None or not places:
        return prompt
    ttl, place = control.ttl or "5m", places[-1]
    piece = prompt.pieces[place]
    if piece.mark == ttl:
        return prompt
    if piece.mark:
        raise ApiError(400, f"cache_control: ttl differs from the mark at {piece.path}")
    if sum(bool(other.mark) for other in prompt.pieces) >= MAX_MARKS:
        raise ApiError(400, _too_many(MAX_MARKS + 1))
    pieces = list(prompt.pieces)
    pieces[place] = replace(piece, mark=ttl)
    marked = replace(prompt, pieces=tuple(pieces))
    if problem := _order([one for one in pieces if one.mark]):
        raise ApiError(400, problem)
    return marked


def _order(marked: Sequence[Piece]) -> str | None:
    short = False
    for piece in marked:
        if piece.mark == "1h" and short:
            return (
                f"{piece.path}.cache_control.ttl: a ttl='1h' cache_control block must not come "
                "after a ttl='5m' cache_control block."
            )
        short = short or piece.mark == "5m"
    return None


def _too_many(found: int) -> str:
    return f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {found}."
