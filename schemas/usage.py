"""Tokens and money."""

from dataclasses import dataclass

from schemas.base import Model

NANO_PER_MICRO = 1000


class Usage(Model):
    """Tokens of one call or of several, as the API counts them."""

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_creation_input_tokens=self.cache_creation_input_tokens
            + other.cache_creation_input_tokens,
            cache_read_input_tokens=self.cache_read_input_tokens + other.cache_read_input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )

    @property
    def prompt_tokens(self) -> int:
        """All input, cached or not."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens

    @property
    def limited_input_tokens(self) -> int:
        """Input that counts against the rate limit: cache reads are free of it."""
        return self.input_tokens + self.cache_creation_input_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Nano-dollars a token, which is milli-dollars a million tokens."""

    input: int
    write_5m: int
    read: int
    output: int
    long_above: int | None = None
    long_factor: int = 1


def _usd(base: float, read: float, output: float, **long: int) -> Price:
    """From dollars a million tokens; a 5-minute cache write costs 1.25 x the base."""
    nano = 1000
    return Price(
        input=round(base * nano),
        write_5m=round(base * 1.25 * nano),
        read=round(read * nano),
        output=round(output * nano),
        **long,
    )


# Published prices as of November 2026, dollars a million tokens: input, cache read, output.
# Haiku 5.5 costs five times as much for every token of a request above 100,000 prompt tokens.
PRICES: dict[str, Price] = {
    "claude-haiku-5-5": _usd(0.10, 0.01, 0.50, long_above=100_000, long_factor=5),
    "claude-sonnet-5-5": _usd(2, 0.10, 10),
    "claude-opus-5-5": _usd(4, 0.20, 20),
    "claude-fable-5-2": _usd(8, 0.20, 40),
    "claude-fable-5-1": _usd(10, 0.25, 50),
    "claude-opus-5": _usd(5, 0.50, 25),
    "claude-sonnet-5": _usd(2, 0.20, 10),
    "claude-fable-5": _usd(10, 1, 50),
    "claude-mythos-5-2": _usd(8, 0.20, 40),
    "claude-mythos-5-1": _usd(10, 0.25, 50),
    "claude-mythos-5": _usd(10, 1, 50),
    "claude-opus-4-8": _usd(5, 0.50, 25),
    "claude-opus-4-7": _usd(5, 0.50, 25),
    "claude-opus-4-6": _usd(5, 0.50, 25),
    "claude-opus-4-5": _usd(5, 0.50, 25),
    "claude-sonnet-4-6": _usd(3, 0.30, 15),
    "claude-sonnet-4-5": _usd(3, 0.30, 15),
    "claude-haiku-4-5": _usd(1, 0.10, 5),
}


def price_of(model: str) -> Price | None:
    """Price of a model id, dated snapshots included; None when it is not in the table."""
    if model in PRICES:
        return PRICES[model]
    stem, _, date = model.rpartition("-")
    return PRICES.get(stem) if date.isdigit() and len(date) == len("20251001") else None


def cost_nanousd(model: str, usage: Usage) -> int:
    """Price of one call in nano-dollars; 0 for a model without a known price."""
    price = price_of(model)
    if price is None:
        return 0
    nano = (
        usage.input_tokens * price.input
        + usage.cache_creation_input_tokens * price.write_5m
        + usage.cache_read_input_tokens * price.read
        + usage.output_tokens * price.output
    )
    long = price.long_above is not None and usage.prompt_tokens > price.long_above
    return nano * price.long_factor if long else nano


def microusd(nanousd: int) -> int:
    """Round nano-dollars to whole micro-dollars, once, at the end of all sums."""
    return (nanousd + NANO_PER_MICRO // 2) // NANO_PER_MICRO
