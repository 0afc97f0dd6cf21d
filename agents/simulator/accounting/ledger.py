"""The ledger of every `POST /v1/messages`: the truth about what was paid and broken."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One request, written down when it is over. Times are seconds since the simulator's start."""

    id: int
    """Position in the ledger, from 1; requests stand in the order in which they ended."""
    request_id: str
    arrived_s: float
    arrived_at: float
    """Wall clock, Unix seconds."""
    first_byte_s: float | None
    finished_s: float
    model: str
    model_class: str
    status: int
    """0: the connection was dropped before a status was sent."""
    decision: str
    """`admitted`, `rate_limited`, `fault:<kind>` or `invalid`."""
    admitted: bool
    """Let in by the rate limits; also true for faults that spoil a reply."""
    limiter: str
    """What turned it away: `requests`, `input_tokens`, `output_tokens` or `ramp`; else empty."""
    retry_after_s: float | None
    retry_count: int
    max_tokens: int
    input_tokens: int
    """Uncached and not written to the cache, as in `usage.input_tokens`."""
    cache_creation_tokens: int
    cache_read_tokens: int
    output_tokens: int
    """Really produced, with thinking; counted also when the client did not get them."""
    cost_nanousd: int
    stop_reason: str | None
    streamed: bool
    prompt_digest: str
    """SHA-256 of the request body with sorted keys, in hex."""
    text_digest: str
    """SHA-256 of the last user text, in hex."""
    last_user_text: str
    """Its first 200 characters."""
    early: bool
    """Arrived before a `retry-after` of its model class had run out."""
    overdrawn: bool
    """Its output took the output bucket below zero."""
    completed: bool
    """The client stayed until the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over all requests since the start, exact whatever was dropped from the entries."""

    requests: int
    """Arrived, whether or not they are over."""
    in_flight: int
    admitted: int
    rejected_429: int
    """All 429s, scripted ones included."""
    limit_violations: int
    """429s of the limits themselves: the client went over."""
    overdrawn: int
    early_retries: int
    errors: int
    """Ended with a status of 400 or above, or without any."""
    abandoned: int
    """The client left before the end."""
    input_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    output_tokens: int
    usd: float


@dataclass(slots=True)
class _Sums:
    requests: int = 0
    ended: int = 0
    admitted: int = 0
    rejected_429: int = 0
    limit_violations: int = 0
    overdrawn: int = 0
    early_retries: int = 0
    errors: int = 0
    abandoned: int = 0
    input_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    cost_nanousd: int = field(default=0)


FIRST_ERROR = 400
TOO_MANY_REQUESTS = 429


class Ledger:
    """Keeps the latest entries and exact totals."""

    def __init__(self, limit: int) -> None:
        self._entries: deque[LedgerEntry] = deque(maxlen=limit)
        self._sums = _Sums()

    def __repr__(self) -> str:
        return f"<Ledger of {self._sums.ended}, {self.totals().in_flight} in flight>"

    @property
    def entries(self) -> Sequence[LedgerEntry]:
        """The entries kept, oldest first. A copy: it does not change under the reader."""
        return tuple(self._entries)

    def after(self, entry_id: int) -> Sequence[LedgerEntry]:
        """Return the entries kept that are newer than the given one."""
        newest = self._sums.ended
        count = min(max(newest - entry_id, 0), len(self._entries))
        latest = [self._entries[-back] for back in range(1, count + 1)]
        return latest[::-1]

    def arrive(self) -> None:
        """Count a request that has just come in."""
        self._sums.requests += 1

    def next_id(self) -> int:
        """Return the id of the entry that is written next."""
        return self._sums.ended + 1

    def write(self, entry: LedgerEntry) -> None:
        """Write down a request that is over."""
        self._entries.append(entry)
        sums = self._sums
        sums.ended += 1
        sums.admitted += entry.admitted
        sums.rejected_429 += entry.status == TOO_MANY_REQUESTS
        sums.limit_violations += entry.decision == "rate_limited"
        sums.overdrawn += entry.overdrawn
        sums.early_retries += entry.early
        sums.errors += entry.status >= FIRST_ERROR or entry.status == 0
        sums.abandoned += not entry.completed
        sums.input_tokens += entry.input_tokens
        sums.cache_creation_tokens += entry.cache_creation_tokens
        sums.cache_read_tokens += entry.cache_read_tokens
        sums.output_tokens += entry.output_tokens
        sums.cost_nanousd += entry.cost_nanousd

    def totals(self) -> Totals:
        """Return the sums so far."""
        sums = self._sums
        return Totals(
            requests=sums.requests,
            in_flight=sums.requests - sums.ended,
            admitted=sums.admitted,
            rejected_429=sums.rejected_429,
            limit_violations=sums.limit_violations,
            overdrawn=sums.overdrawn,
            early_retries=sums.early_retries,
            errors=sums.errors,
            abandoned=sums.abandoned,
            input_tokens=sums.input_tokens,
            cache_creation_tokens=sums.cache_creation_tokens,
            cache_read_tokens=sums.cache_read_tokens,
            output_tokens=sums.output_tokens,
            usd=sums.cost_nanousd / 1e9,
        )
