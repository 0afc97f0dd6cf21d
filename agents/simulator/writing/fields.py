"""Strings and numbers by what their property is meant to hold."""

import re
from collections.abc import Callable

from agents.simulator.writing import prose
from agents.simulator.writing.finders import Sought, Span
from agents.simulator.writing.kinds import SOUGHT, Kind, quoted_kind
from agents.simulator.writing.labels import tie_break
from agents.simulator.writing.lexicon import STOP_WORDS
from agents.simulator.writing.pen import Pen
from agents.simulator.writing.words import WORD

FEW_WORDS = 6
LOWEST_SCORE, HIGHEST_SCORE = 0.6, 0.99
SYMBOLS = {"$": "USD", "US$": "USD", "AU$": "AUD", "€": "EUR", "£": "GBP", "¥": "JPY", "RM": "MYR"}
_symbol = re.compile(
    r"[AU][US]\$|[$€£¥]|\bRM\b|\b(?:USD|EUR|GBP|MYR|CHF|JPY|CAD|AUD|SGD|INR|CNY)\b|RM(?=\d)"
)
_digits = re.compile(r"\d[\d,]*(?:\.\d+)?")
TAG_LENGTH = 4


def text_for(kind: Kind, name: str, pen: Pen) -> str:
    """Write the string of a property; what is looked for and not there becomes a few words."""
    if kind in _writers:
        return _writers[kind](pen)
    if kind is Kind.QUOTE:
        return quote(name, pen)
    span = pen.found(sought(kind, pen))
    return span.text if span else pen.scene.beginning(FEW_WORDS) or "unknown"


def texts_for(kind: Kind, pen: Pen) -> list[str]:
    """Return several different strings for the items of an array."""
    if kind is Kind.ACTION:
        return prose.actions(pen.scene)
    if kind is Kind.TAG:
        return tags(pen)
    if kind is Kind.QUOTE:
        return [sentence.text.strip()[:160] for sentence in pen.scene.sentences]
    if kind in SOUGHT:
        return [span.text for span in pen.scene.find_all(SOUGHT[kind])]
    return [text_for(kind, "", pen)]


def sought(kind: Kind, pen: Pen) -> Span | None:
    """Return the find for a kind, if it is one that is looked for and it is there."""
    return pen.scene.find(SOUGHT[kind]) if kind in SOUGHT else None


def quote(name: str, pen: Pen) -> str:
    """Return a verbatim piece of the text that fits the other properties of the object."""
    anchor = sought(quoted_kind(name, pen.parent), pen) if pen.anchor is None else pen.anchor
    if name and quoted_kind(name, "") in SOUGHT:
        anchor = sought(quoted_kind(name, ""), pen) or anchor
    if anchor is None and pen.pick is not None:
        anchor = pen.scene.sentence_with(pen.pick.matched)
    return pen.scene.quote(anchor) or pen.whole.quote(None) or "unknown"


def number_for(kind: Kind, pen: Pen) -> float:
    """Return the number of a property; 0 when the text has none."""
    if kind is Kind.SCORE:
        return score(pen)
    wanted = SOUGHT.get(kind, Sought.NUMBER)
    span = pen.found(pen.scene.find(wanted) or pen.scene.find(Sought.NUMBER))
    return to_number(span.text) if span else 0.0


def to_number(text: str) -> float:
    """Read the first number of a text, with commas for thousands; 0 when there is none."""
    digits = _digits.search(text)
    return float(digits[0].replace(",", "")) if digits else 0.0


def score(pen: Pen) -> float:
    """Return how sure the answer is: the strength of its best label, with a little noise."""
    strength = pen.pick.strength if pen.pick else 0.5
    noise = tie_break(pen.scene.text, "score")[0] / 255
    share = 0.85 * strength + 0.15 * noise
    return round(LOWEST_SCORE + (HIGHEST_SCORE - LOWEST_SCORE) * share, 2)


def currency(pen: Pen) -> str:
    """Return the ISO code of the currency that the text uses; dollars when it names none."""
    symbol = _symbol.search(pen.scene.text) or _symbol.search(pen.whole.text[:20_000])
    return SYMBOLS.get(symbol[0], symbol[0]) if symbol else "USD"


def tags(pen: Pen) -> list[str]:
    """Return the longer words of the text, as keywords."""
    words = dict.fromkeys(WORD.findall(pen.scene.text[:2_000].lower()))
    return [word for word in words if len(word) > TAG_LENGTH and word not in STOP_WORDS]


def _reason(pen: Pen) -> str:
    return prose.reason(pen.scene, pen.pick.matched if pen.pick else frozenset())


def _first_action(pen: Pen) -> str:
    return prose.actions(pen.scene)[0]


def _first_tag(pen: Pen) -> str:
    return next(iter(tags(pen)), "general")


_writers: dict[Kind, Callable[[Pen], str]] = {
    Kind.REPLY: lambda pen: prose.reply(pen.scene),
    Kind.SUMMARY: lambda pen: prose.summary(pen.scene),
    Kind.REASON: _reason,
    Kind.ACTION: _first_action,
    Kind.TAG: _first_tag,
    Kind.CURRENCY: currency,
    Kind.LANGUAGE: lambda pen: pen.whole.language,
}
