"""One visit to `POST /v1/messages`: the facts gathered until it is written to the ledger."""

from dataclasses import dataclass
from hashlib import sha256

from agents.simulator.accounting.ledger import LedgerEntry
from agents.simulator.accounting.limits import ClassLimits, Denied
from agents.simulator.accounting.prompt_cache import CachePlan
from agents.simulator.faults import Fault
from agents.simulator.requests.models import LONG_PROMPT_TOKENS, Model
from agents.simulator.requests.reading import Call
from agents.simulator.responses.reply import Reply

SHOWN_CHARACTERS = 200


@dataclass(slots=True)
class Grant:
    """An admitted request: its place in the limits and the cache, and the reply it will get."""

    call: Call
    plan: CachePlan
    reply: Reply
    limits: ClassLimits


@dataclass(slots=True)
class Visit:
    """Everything known so far about one request; filled in as it goes."""

    request_id: str
    message_id: str
    arrived_s: float
    arrived_at: float
    retry_count: int
    call: Call | None = None
    grant: Grant | None = None
    fault: Fault | None = None
    denied: Denied | None = None
    retry_after_s: float | None = None
    status: int = 0
    first_byte_s: float | None = None
    emitted_tokens: int = 0
    early: bool = False
    overdrawn: bool = False
    completed: bool = False

    @property
    def decision(self) -> str:
        """What became of the request, in the words of the ledger."""
        if self.fault is not None:
            return f"fault:{self.fault.kind}"
        if self.denied is not None:
            return "rate_limited"
        return "admitted" if self.grant is not None else "invalid"

    def entry(self, entry_id: int, finished_s: float) -> LedgerEntry:
        """Return the ledger's line."""
        call, plan = self.call, self.grant.plan if self.grant else None
        text = call.prompt.last_user_text if call else ""
        return LedgerEntry(
            id=entry_id,
            request_id=self.request_id,
            arrived_s=self.arrived_s,
            arrived_at=self.arrived_at,
            first_byte_s=self.first_byte_s,
            finished_s=finished_s,
            model=call.body.model if call else "",
            model_class=call.model.model_class if call else "",
            status=self.status,
            decision=self.decision,
            admitted=self.grant is not None,
            limiter=self.denied.limiter if self.denied else "",
            retry_after_s=self.retry_after_s,
            retry_count=self.retry_count,
            max_tokens=call.body.max_tokens if call else 0,
            input_tokens=plan.uncached if plan else 0,
            cache_creation_tokens=plan.write_5m + plan.write_1h if plan else 0,
            cache_read_tokens=plan.read if plan else 0,
            output_tokens=self.emitted_tokens,
            cost_nanousd=self._cost_nanousd(),
            stop_reason=self.grant.reply.stop_reason if self.grant and self.completed else None,
            streamed=bool(call and call.body.stream),
            prompt_digest=call.digest if call else "",
            text_digest=sha256(text.encode()).hexdigest() if call else "",
            last_user_text=text[:SHOWN_CHARACTERS],
            early=self.early,
            overdrawn=self.overdrawn,
            completed=self.completed,
        )

    def _cost_nanousd(self) -> int:
        """Price what was produced; a refusal before any output is free."""
        if self.grant is None:
            return 0
        if self.grant.reply.stop_reason == "refusal" and self.emitted_tokens == 0:
            return 0
        return cost_nanousd(self.grant.call.model, self.grant.plan, self.emitted_tokens)


def cost_nanousd(model: Model, plan: CachePlan, output_tokens: int) -> int:
    """Price one request in nano-dollars; a long prompt changes the price of every token."""
    prompt_tokens = plan.read + plan.charged
    prices = model.prices
    if model.long_prices is not None and prompt_tokens > LONG_PROMPT_TOKENS:
        prices = model.long_prices
    return (
        plan.uncached * prices.input
        + plan.write_5m * prices.write_5m
        + plan.write_1h * prices.write_1h
        + plan.read * prices.read
        + output_tokens * prices.output
    )
