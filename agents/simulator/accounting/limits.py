"""The rate limits of every model class: who is admitted, who is told to wait."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from agents.simulator.accounting.buckets import Bucket, Limiter, retry_after_s
from agents.simulator.requests.models import Model
from agents.simulator.settings import Limits, Ramp

RAMP_STEP_S = 10
"""The rate that the ramp limit looks at is the one of the last seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What a request asks of the buckets."""

    input_tokens: int
    """Uncached input; cache reads are free."""
    output_tokens: int
    """1, or `max_tokens` where that is charged first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Denied:
    """Which limiter turned a request away, and when it would fit."""

    limiter: Limiter
    limit: int
    retry_after_s: int


class ClassLimits:
    """The three buckets of one model class. Each method is one step without I/O."""

    def __init__(self, limits: Limits, ramp: Ramp | None, now: float) -> None:
        burst_s = limits.burst_s
        self.requests = Bucket(limits.requests_per_minute, burst_s, now)
        self.input = Bucket(limits.input_tokens_per_minute, burst_s, now)
        self.output = Bucket(limits.output_tokens_per_minute, burst_s, now)
        self.closed_until = 0.0
        """The latest `retry-after` given to this class, as a time of the same clock."""
        self._ramp = None if ramp is None else RampLimit(ramp)

    def __repr__(self) -> str:
        return f"<ClassLimits {self.requests} {self.input} {self.output}>"

    def admit(self, need: Need, now: float) -> Denied | None:
        """Take a request and its input tokens, or nothing and say what is missing."""
        self.refill(now)
        denied = self._missing(need, now)
        if denied is not None:
            self.close(denied.retry_after_s, now)
            return denied
        self.requests.take(1, now)
        self.input.take(need.input_tokens, now)
        if need.output_tokens > 1:
            self.output.take(need.output_tokens, now)
        if self._ramp is not None:
            self._ramp.record(now)
        return None

    def refill(self, now: float) -> None:
        """Bring all buckets up to date, so that headers tell the truth."""
        for bucket in (self.requests, self.input, self.output):
            bucket.refill(now)

    def close(self, wait_s: float, now: float) -> None:
        """Remember that somebody was told to wait."""
        self.closed_until = max(self.closed_until, now + wait_s)

    def resize(self, limits: Limits, now: float) -> None:
        """Change all three limits."""
        self.requests.resize(limits.requests_per_minute, limits.burst_s, now)
        self.input.resize(limits.input_tokens_per_minute, limits.burst_s, now)
        self.output.resize(limits.output_tokens_per_minute, limits.burst_s, now)

    def _missing(self, need: Need, now: float) -> Denied | None:
        if self._ramp is not None and (wait_s := self._ramp.wait_s(now)) > 0:
            limit = int(self._ramp.allowed(now))
            return Denied(limiter="ramp", limit=limit, retry_after_s=retry_after_s(wait_s))
        rows: tuple[tuple[Limiter, Bucket, int], ...] = (
            ("requests", self.requests, 1),
            ("input_tokens", self.input, need.input_tokens),
            ("output_tokens", self.output, need.output_tokens),
        )
        wait_s, limiter, bucket = max(
            (bucket.wait_s(amount, now), name, bucket) for name, bucket, amount in rows
        )
        if wait_s == 0:
            return None
        return Denied(limiter=limiter, limit=bucket.per_minute, retry_after_s=retry_after_s(wait_s))


class RampLimit:
    """Bounds growth: the last seconds against the mean of the window before them."""

    def __init__(self, ramp: Ramp) -> None:
        self._ramp = ramp
        self._admitted: deque[float] = deque()

    def record(self, now: float) -> None:
        """Count one admitted request."""
        self._admitted.append(now)

    def allowed(self, now: float) -> float:
        """Return the requests a minute that are allowed now."""
        while self._admitted and self._admitted[0] <= now - self._ramp.window_s:
            self._admitted.popleft()
        mean = len(self._admitted) * 60 / self._ramp.window_s
        return max(self._ramp.floor_requests_per_minute, self._ramp.factor * mean)

    def wait_s(self, now: float) -> float:
        """Return the seconds until one more request stays below the allowed growth."""
        room = self.allowed(now) * RAMP_STEP_S / 60
        recent = [at for at in reversed(self._admitted) if at > now - RAMP_STEP_S]
        if len(recent) < room:
            return 0.0
        return recent[int(room) - 1 if room >= 1 else 0] + RAMP_STEP_S - now


class RateLimits:
    """The limits of all model classes; a class's buckets are made when it is first used."""

    def __init__(
        self, limits: Limits, by_class: Mapping[str, Limits], ramp: Ramp | None = None
    ) -> None:
        self._default = limits
        self._by_class = dict(by_class)
        self._ramp = ramp
        self._classes: dict[str, ClassLimits] = {}

    def __repr__(self) -> str:
        return f"<RateLimits of {sorted(self._classes)}>"

    def of(self, model: Model, now: float) -> ClassLimits:
        """Return the buckets that a model shares with its class."""
        name = model.model_class
        if name not in self._classes:
            limits = self._by_class.get(name, self._default)
            self._classes[name] = ClassLimits(limits, self._ramp, now)
        return self._classes[name]

    def set(self, limits: Limits, model_class: str | None, now: float) -> None:
        """Change the limits of one class, or of all of them."""
        if model_class is None:
            self._default = limits
            self._by_class.clear()
        else:
            self._by_class[model_class] = limits
        for name, held in self._classes.items():
            if model_class in {None, name}:
                held.resize(limits, now)
