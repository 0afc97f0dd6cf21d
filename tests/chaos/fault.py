"""One row of the table: what strikes, on whom, and what may come of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from tests.chaos.arena import Arena
from tests.chaos.cast import STANDARD, Cast
from tests.chaos.recipes import Recipe, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What a strike may use: the seeded draw, and whether there is time for the long form."""

    arena: Arena
    draw: Random
    is_long: bool


Strike = Callable[[Blow], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault and its terms.

    `strike` returns when the fault is lifted, with what it found wrong by itself. Within
    `recover_s` the rate is back, within `settle_s` after the load all is settled. `rejections`:
    429s of the
    limits that are allowed. `unlimited`: the limits changed, so the standing ones are no measure.
    """

    name: str
    strike: Strike
    cast: Cast = STANDARD
    recipe: Recipe = plain
    recover_s: float = 20
    settle_s: float = 60
    rejections: int = 0
    unlimited: bool = False
    letters: str = ""


async def nothing(_: Blow) -> list[str]:
    """Strike with nothing: the recipe is the fault."""
    return []
