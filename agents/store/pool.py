"""The pool: one budget's stock, shared by all workers. Pure: time is an argument.

`pool.lua` is the same arithmetic inside Redis; one behaviour suite runs on both. The source of
the rules is what the API does: three buckets a model class, refilled continuously, so that a
level and the time it was true describe each of them.
"""

import math
from dataclasses import dataclass

from agents.store.line import MOST_SAVED, PROBE_S, grant, heads
from agents.store.stock import FAR, RAMP_SLOPE, UNITS3, Member, Stock, far
from agents.store.terms import FLOW_S, MINUTE_S, Terms
from schemas.lease import PRIORITIES, ROUNDING, Amounts, Ask, Lease, Told, nothing
from schemas.outcome import HeldReason

__all__ = ["MEMBER_S", "PROBE_S", "Member", "Pool"]

FIRST_BURST_S = 1.0
"""The burst that is assumed until headers show more: the shortest that the API is known to cut."""
FIRST_STOCK = 0.85
"""The part of it that is there at first: connections are opened while the API's bucket is full, so
what it would have gained meanwhile is lost. The first headers put the level right."""
MEMBER_S = 10.0
"""A worker that was silent for so long is gone; what it leased is taken as spent."""
CLOSED_SLACK_S = 0.5
"""A worker learns of a closing a moment late: so much more is no other closing."""
RAMP_CUT, LEAST_PACE = 0.8, 0.02
"""After a ramp limit, this part of the traffic that was too much; never less than the second."""
RAISE_S = 1.0
"""A level is raised by what headers show for so long without a break."""


@dataclass(slots=True, kw_only=True)
class Pool(Stock):
    """A budget's stock and what changes it: every exchange is one step, and waits for nothing."""

    @classmethod
    def first(cls, ask: Ask, now: float) -> "Pool":
        """Return the pool of a budget that nobody has asked for yet."""
        bursts_s = [max(burst, FIRST_BURST_S) for burst in ask.bursts_s]
        unknown = not any(ask.rules.ceilings) and not any(ask.known)
        pool = cls(
            at=now,
            levels=nothing(),
            heard=list(ask.known),
            bursts_s=bursts_s,
            probing=unknown,
            gaps_since=now,
        )
        if ask.fresh:
            terms = Terms.of(pool, ask)
            first = [FIRST_STOCK * capacity for capacity in terms.capacities]
            pool.levels = [first[u] if terms.limits[u] else 0.0 for u in UNITS3]
        return pool

    def exchange(self, ask: Ask, now: float) -> Lease:
        """Settle what a worker brings, then lease what it may have."""
        self._advance(ask, now)
        self._settle(ask)
        self._hear(ask)
        self._close(ask)
        terms = Terms.of(self, ask)
        member = self._member(ask)
        mark = [self.charged[u] - self._held(u) for u in UNITS3]
        granted, look_again_s = grant(self, terms, ask, member)
        ahead = self._ahead(terms, ask, member)
        return Lease(
            granted=granted,
            ahead=ahead,
            mark=mark,
            levels=list(self.levels),
            limits=terms.limits,
            capacities=[c if c < math.inf else 0.0 for c in terms.capacities],
            known=list(self.heard),
            bursts_s=list(self.bursts_s),
            look_again_s=look_again_s,
            closed_s=max(0.0, self.closed_until - self.at),
            closed_for=self.closed_for,
            probing=self.probing,
            closings=self.closings,
        )

    def _advance(self, ask: Ask, now: float) -> None:
        """Bring all up to now. A clock that went back takes all times with it."""
        back_s = self.at - now
        if back_s > 0:
            self.closed_until -= back_s
            self.probe_until -= back_s
            self.heard_at -= back_s
            self.gaps_since -= back_s
            for member in self.members.values():
                member.seen -= back_s
        passed_s, self.at = max(0.0, -back_s), now
        self.pace = min(1.0, self.pace + passed_s * self.slope)
        if self.pace == 1:
            self.slope = RAMP_SLOPE
        self._refill(ask, passed_s)
        fading = math.exp(-passed_s / FLOW_S)
        self.flows = [[amount * fading for amount in flow] for flow in self.flows]
        if ask.resync:
            self.levels = [min(level, 0.0) for level in self.levels]
        self.members = {w: m for w, m in self.members.items() if now - m.seen < MEMBER_S}

    def _refill(self, ask: Ask, passed_s: float) -> None:
        """Add what came in; a class that waits saves its floor of it."""
        terms = Terms.of(self, ask)
        waiting = {priority for priority, _, _ in heads(self)}
        for u in UNITS3:
            gained = passed_s * terms.rates[u]
            for priority in range(PRIORITIES):
                saved = self.saved[priority]
                if priority not in waiting:
                    gained, saved[u] = gained + saved[u], 0.0
                elif priority:
                    most = MOST_SAVED * terms.capacities[u] - terms.saved[u]
                    part = min(passed_s * terms.rates[u] * ask.rules.floors[priority], most)
                    if part > 0:
                        saved[u] += part
                        gained -= part
            top = terms.capacities[u] - sum(saved[u] for saved in self.saved)
            self.levels[u] = min(top, self.levels[u] + gained)

    def _settle(self, ask: Ask) -> None:
        tops = Terms.of(self, ask).tops
        for flow, taken in zip(self.flows, ask.taken, strict=False):
            for u in UNITS3:
                flow[u] += taken[u]
        for u in UNITS3:
            self.charged[u] -= ask.returned[u]
            self.levels[u] = min(tops[u], self.levels[u] + ask.returned[u])

    def _hear(self, ask: Ask) -> None:
        for told in ask.told:
            sent_at = self.at - told.age_s
            if sent_at >= self.heard_at:  # an older one describes a past that is corrected already
                self.heard_at = sent_at
                if self.gaps == far():
                    self.gaps_since = self.at
                for u in UNITS3:
                    if told.limits[u]:
                        self._correct(ask, told, u)
                self._raise(ask)

    def _correct(self, ask: Ask, told: Told, u: int) -> None:
        """Fit the level to what a header allows.

        A header is an interval for the moment of admission, between grant and now. The refill
        since then is at most that since the grant; what others leased since is not in it.
        """
        self._adopt(ask, told, u)
        rate = told.limits[u] / MINUTE_S
        ours_is_lower = 0 < ask.rules.ceilings[u] < told.limits[u]
        since = max(0.0, self.charged[u] - told.mark[u])
        low = told.remaining[u] - ROUNDING[u]
        burst_s = min(low / rate, MINUTE_S)
        if burst_s > self.bursts_s[u] and not ours_is_lower:
            self.levels[u] += (burst_s - self.bursts_s[u]) * rate * ask.share * self.pace
            self.bursts_s[u] = burst_s
        high = told.remaining[u] + ROUNDING[u] + rate * told.age_s - since
        self.levels[u] = min(self.levels[u], high)
        # Output is counted as it is produced, so there the calls in flight are still to come.
        if u < 2 and not ours_is_lower and ask.share == 1:  # noqa: PLR2004 - the third unit
            self.gaps[u] = min(self.gaps[u], low - since - self.levels[u])

    def _raise(self, ask: Ask) -> None:
        """Add what all headers of a while show to be there beyond the level.

        One header may have overtaken requests that were granted before its own; the least gap of
        a whole second is not of that kind.
        """
        if self.at - self.gaps_since < RAISE_S:
            return
        tops = Terms.of(self, ask).tops
        for u in UNITS3:
            if 0 < self.gaps[u] < FAR:
                self.levels[u] = min(tops[u], self.levels[u] + self.gaps[u])
        self.gaps, self.gaps_since = far(), self.at

    def _adopt(self, ask: Ask, told: Told, u: int) -> None:
        """Take over a limit; a stock shrinks with it, a debt stays what it is.

        While none was known calls went one by one, so what the first header leaves is there.
        """
        limit, before = told.limits[u], self.heard[u] or ask.rules.ceilings[u]
        self.heard[u] = limit
        if not before:
            left = max(0.0, told.remaining[u] - ROUNDING[u])
            self.levels[u] = min(FIRST_STOCK * left, Terms.of(self, ask).tops[u])
        elif self.levels[u] > 0:
            self.levels[u] *= min(1.0, limit / before)

    def _close(self, ask: Ask) -> None:
        """Open after a probe that was answered, and close when somebody was told to wait."""
        if ask.probe and ask.probe_of == self.closings:
            if ask.probe == "answered":
                self.probing, self.prober = False, ""
            elif self.prober == ask.worker:
                self.prober = ""
        if ask.closed_s > max(0.0, self.closed_until - self.at) + CLOSED_SLACK_S:
            # This pool does not know: it was forgotten, or the worker was alone with its own.
            self._shut(ask.closed_s, ask.closed_for)
        if ask.closing is not None:
            self._shut(ask.closing.seconds, ask.closing.reason)
            if ask.closing.ramp:
                self._slow_down(ask)

    def _shut(self, seconds: float, reason: HeldReason) -> None:
        if self.at + seconds >= self.closed_until:
            self.closed_until, self.closed_for = self.at + seconds, reason
        self.probing, self.prober = True, ""
        self.closings += 1

    def _slow_down(self, ask: Ask) -> None:
        """Go on with a part of the traffic that grew too fast, and grow half as fast from there."""
        limits = Terms.of(self, ask).limits
        used = [
            sum(flow[u] for flow in self.flows) / FLOW_S / (limits[u] / MINUTE_S)
            for u in UNITS3
            if limits[u]
        ]
        self.pace = max(LEAST_PACE, min(self.pace, RAMP_CUT * max(used, default=1.0)))
        self.slope /= 2

    def _member(self, ask: Ask) -> Member:
        """Return the asking worker; whatever it held it has just brought back."""
        member = self.members.setdefault(ask.worker, Member(seen=self.at, holds=nothing()))
        member.seen, member.holds, member.heads = self.at, nothing(), []
        return member

    def _held(self, u: int) -> float:
        return sum(member.holds[u] for member in self.members.values())

    def _ahead(self, terms: Terms, ask: Ask, member: Member) -> Amounts:
        """Lease a stock ahead, while there is plenty and nobody waits."""
        if heads(self) or self.probing or self.closed_until > self.at:
            return nothing()
        part = 1.0
        for u in UNITS3:
            if terms.limits[u] and ask.ahead[u] > 0:
                spare = self.levels[u] - terms.cushions[u] - terms.keeps[PRIORITIES][u]
                part = min(part, spare / 2 / len(self.members) / ask.ahead[u])
        if part <= 0:
            return nothing()
        member.holds = [part * amount for amount in ask.ahead]
        for u in UNITS3:
            self.charged[u] += member.holds[u]
            self.levels[u] -= member.holds[u]
        return list(member.holds)
