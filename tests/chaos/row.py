"""What is known of one fault when it is over."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.purchases import Purchases

# Less is in nobody's way.
STALL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `breaks` are promises broken; none is a pass.

    `stalled_s`: the longest time for which the referee itself was not served by the machine.
    """

    fault: str
    inputs: int = 0
    results: int = 0
    letters: Mapping[str, int]
    lost: int = 0
    double: int = 0
    repeats: int = 0
    purchases: Purchases
    answered_429: int = 0
    recovered_s: float = 0.0
    breaks: tuple[str, ...] = ()
    took_s: float = 0.0
    stalled_s: float = 0.0

    @property
    def verdict(self) -> str:
        """`ok`, or what broke."""
        if not self.breaks:
            return "ok"
        stalled = f" [the referee stalled {self.stalled_s:.1f} s]"
        return "; ".join(self.breaks) + (stalled if self.stalled_s > STALL_S else "")

    def plain(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        return asdict(self) | {"verdict": self.verdict}
