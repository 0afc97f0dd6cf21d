"""What a property is meant to hold, told by its name."""

from enum import StrEnum
from functools import lru_cache

from agents.simulator.writing.finders import Sought
from agents.simulator.writing.words import name_words, stem


class Kind(StrEnum):
    """The meaning of a property."""

    QUOTE = "quote"
    SCORE = "score"
    REPLY = "reply"
    ACTION = "action"
    SUMMARY = "summary"
    REASON = "reason"
    TAG = "tag"
    LANGUAGE = "language"
    CURRENCY = "currency"
    DATE = "date"
    AMOUNT = "amount"
    TOTAL = "total"
    PARTY = "party"
    ADDRESS = "address"
    EMAIL = "email"
    URI = "uri"
    PHONE = "phone"
    REFERENCE = "reference"
    PERCENT = "percent"
    NUMBER = "number"
    PLAIN = "plain"


_NAMES: dict[Kind, str] = {
    Kind.QUOTE: "quote quoted evidence excerpt verbatim snippet citation passage",
    Kind.SCORE: "confidence completeness score probability certainty likelihood",
    Kind.LANGUAGE: "language lang locale",
    Kind.CURRENCY: "currency",
    Kind.EMAIL: "email mail",
    Kind.URI: "url uri link website",
    Kind.PHONE: "phone telephone mobile fax",
    Kind.ADDRESS: "address street location",
    Kind.DATE: "date day deadline due issued signed effective expiry expires timestamp",
    Kind.TOTAL: "total",
    Kind.AMOUNT: "amount price sum cost fee balance paid tax subtotal money",
    Kind.PERCENT: "percent percentage rate",
    Kind.PARTY: "party company vendor supplier merchant seller buyer customer organisation "
    "organization store issuer employer counterparty person name",
    Kind.ACTION: "action step recommendation todo",
    Kind.TAG: "tag keyword topic",
    Kind.SUMMARY: "summary title subject headline",
    Kind.REASON: "reason explanation rationale why description comment note detail justification",
    Kind.REPLY: "reply response answer message",
    Kind.REFERENCE: "reference id number invoice document receipt code",
    Kind.NUMBER: "count quantity year age size",
}
"""The first kind that has one of a name's words is taken: `date_quote` is a quote."""

_by_stem = {kind: frozenset(map(stem, words.split())) for kind, words in _NAMES.items()}
SOUGHT = {kind: Sought(kind.value) for kind in Kind if kind.value in set(Sought)}
"""Kinds that are looked for in the text."""


@lru_cache(maxsize=4_096)
def kind_of(name: str, parent: str = "") -> Kind:
    """Return what a property holds; a name that says nothing, as `value`, asks its parent's."""
    for one in (name, parent):
        words = {stem(word) for word in name_words(one)}
        for kind, known in _by_stem.items():
            if words & known:
                return kind
    return Kind.PLAIN


def quoted_kind(name: str, parent: str) -> Kind:
    """Return what the quote in a property is about: `total_evidence` is about a total."""
    words = [word for word in name_words(name) if stem(word) not in _by_stem[Kind.QUOTE]]
    kind = kind_of(" ".join(words), "")
    return kind if kind in SOUGHT else kind_of(parent)
