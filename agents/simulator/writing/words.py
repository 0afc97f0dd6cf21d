"""Words and their stems, good enough to tell that two words mean the same."""

import re
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
SUFFIXES = ("ation", "ingly", "ment", "ing", "ied", "ie", "er", "ed", "ly", "al", "ion", "e", "y")
SHORTEST_STEM = 3
_camel = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Cut the usual English endings off a word in lower case."""
    if word.endswith("s") and not word.endswith("ss") and len(word) > SHORTEST_STEM:
        word = word[:-1]
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            return _undouble(word[: -len(suffix)])
    return word


def stems(text: str) -> list[str]:
    """Return the stems of all words of a text, in order."""
    return [stem(word) for word in WORD.findall(text.lower())]


@lru_cache(maxsize=4_096)
def name_words(name: str) -> tuple[str, ...]:
    """Split a label or property name into words: `cardArrival`, `card_arrival`, `card arrival`."""
    return tuple(WORD.findall(_camel.sub(" ", name).replace("_", " ").lower()))


def _undouble(base: str) -> str:
    """Give `cancelled` the stem of `cancel`."""
    if len(base) > SHORTEST_STEM and base[-1] == base[-2] and base[-1] not in "se":
        return base[:-1]
    return base
