"""The prompt cache: which prefixes are stored, and what a request reads and writes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.simulator.requests.prompt import Piece, Ttl, digest
from agents.simulator.requests.reading import Call

LOOK_BACK = 20
"""Places that a mark looks at, itself included."""
TTL_S: dict[Ttl, float] = {"5m": 300.0, "1h": 3_600.0}
SWEEP_ABOVE = 50_000


@dataclass(slots=True)
class Entry:
    """A stored prefix. Its time runs from the start of the request that wrote or read it."""

    ttl: Ttl
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The end of one block: the prefix up to here, and what it would cost."""

    prefix: bytes
    tokens: int
    mark: Ttl | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CachePlan:
    """How the tokens of a request split: read + write_5m + write_1h + uncached = total."""

    read: int
    write_5m: int
    write_1h: int
    uncached: int
    writes: tuple[tuple[bytes, Ttl], ...] = ()
    started_at: float = 0.0

    @property
    def charged(self) -> int:
        """Tokens that count against the input limit: everything but reads."""
        return self.uncached + self.write_5m + self.write_1h


class PromptCache:
    """Stored prefixes of all workspaces. Each method is one step without I/O."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}

    def __repr__(self) -> str:
        return f"<PromptCache of {len(self._entries)}>"

    def plan(self, call: Call, now: float) -> CachePlan:
        """Split a request's tokens by what is stored now, and refresh what is hit."""
        total = call.prompt.total_tokens
        if not any(piece.mark for piece in call.prompt.pieces):
            return CachePlan(read=0, write_5m=0, write_1h=0, uncached=total)
        places = tuple(lay_out(call))
        marks = [number for number, place in enumerate(places) if place.mark]
        hit = self._longest_hit(places, marks, now)
        read = 0 if hit is None else places[hit].tokens
        wanted = [
            places[number]
            for number in marks
            if (hit is None or number > hit)
            and places[number].tokens >= call.model.min_cache_tokens
        ]
        return _split(read, wanted, total, now)

    def write(self, plan: CachePlan) -> None:
        """Store what a request writes; called when its reply begins, not before."""
        for prefix, ttl in plan.writes:
            self._entries[prefix] = Entry(ttl, plan.started_at + TTL_S[ttl])
        if len(self._entries) > SWEEP_ABOVE:
            self._sweep(plan.started_at)

    def _longest_hit(
        self, places: tuple[Place, ...], marks: Iterable[int], now: float
    ) -> int | None:
        hits = {
            number
            for mark in marks
            for number in range(max(0, mark - LOOK_BACK + 1), mark + 1)
            if self._alive(places[number].prefix, now)
        }
        for number in hits:
            entry = self._entries[places[number].prefix]
            entry.expires_at = max(entry.expires_at, now + TTL_S[entry.ttl])
        return max(hits, default=None)

    def _alive(self, prefix: bytes, now: float) -> bool:
        entry = self._entries.get(prefix)
        return entry is not None and entry.expires_at > now

    def _sweep(self, now: float) -> None:
        self._entries = {
            prefix: entry for prefix, entry in self._entries.items() if entry.expires_at > now
        }


def lay_out(call: Call) -> Iterator[Place]:
    """Walk the prompt block by block, with a running hash and a running token count.

    The hash takes in what invalidates a prefix: model and tools always; speed and the output
    schema from the system prompt on; tool choice, thinking and effort from the messages on.
    """
    body = call.body
    roots = {
        "system": digest(body.speed or "standard", call.schema_json.decode()),
        "messages": digest(repr(body.tool_choice), repr(body.thinking), _effort(call)),
    }
    prefix = digest(call.workspace, call.model.id)
    tokens = call.prompt.total_tokens - sum(piece.tokens for piece in call.prompt.pieces)
    for piece in call.prompt.pieces:
        for part in _parts_begun(piece, roots):
            prefix = digest(prefix.hex(), roots.pop(part).hex())
        prefix = digest(prefix.hex(), piece.role, piece.text)
        tokens += piece.tokens
        yield Place(prefix=prefix, tokens=tokens, mark=piece.mark)


def _parts_begun(piece: Piece, left: Iterable[str]) -> list[str]:
    order = ("tools", "system", "messages")
    return [part for part in left if order.index(part) <= order.index(piece.part)]


def _effort(call: Call) -> str:
    """Return the effort in force: naming the default equals leaving it out."""
    return call.body.effort or call.model.default_effort or ""


def _split(read: int, wanted: list[Place], total: int, now: float) -> CachePlan:
    """Apply the A/B/C/T rule: A is the hit, B the last 1h mark, C the last mark, T the total."""
    b = max((place.tokens for place in wanted if place.mark == "1h"), default=read)
    c = max((place.tokens for place in wanted), default=read)
    return CachePlan(
        read=read,
        write_1h=b - read,
        write_5m=c - b,
        uncached=total - c,
        writes=tuple((place.prefix, place.mark) for place in wanted if place.mark),
        started_at=now,
    )
