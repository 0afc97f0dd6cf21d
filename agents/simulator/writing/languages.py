"""Which language a text is in, by script and by stop words."""

import re
from collections.abc import Sequence

from agents.simulator.writing.lexicon import LANGUAGE_NAMES, LANGUAGE_WORDS
from agents.simulator.writing.words import WORD

LOOKED_AT = 1_000
"""Characters; the beginning is enough."""
SCRIPT_SHARE = 0.2
MOST_OF = 0.6

_scripts = {
    "ja": re.compile("[぀-ヿ]"),
    "ko": re.compile("[가-힯]"),
    "zh": re.compile("[一-鿿]"),
    "ar": re.compile("[؀-ۿ]"),
    "ru": re.compile("[Ѐ-ӿ]"),
    "hi": re.compile("[ऀ-ॿ]"),
    "el": re.compile("[Ͱ-Ͽ]"),
    "he": re.compile("[֐-׿]"),
    "th": re.compile("[฀-๿]"),
}
_stop_words = {code: frozenset(words.split()) for code, words in LANGUAGE_WORDS.items()}
_codes_by_name = {name: code for code, name in LANGUAGE_NAMES.items()}


def detect(text: str) -> str:
    """Return an ISO 639-1 code; English when nothing tells."""
    head = text[:LOOKED_AT]
    if not head.isascii():
        letters = sum(map(str.isalpha, head)) or 1
        for code, script in _scripts.items():
            if len(script.findall(head)) / letters > SCRIPT_SHARE:
                return code
    words = set(WORD.findall(head.lower()))
    scores = {code: len(words & known) for code, known in _stop_words.items()}
    return max(scores, key=lambda code: scores[code])


def code_of(label: str) -> str | None:
    """Return the code that a label stands for: `en`, `en-GB`, `English`."""
    lower = label.lower()
    code = lower.replace("_", "-").split("-")[0]
    return code if code in LANGUAGE_NAMES else _codes_by_name.get(lower)


def are_languages(labels: Sequence[str]) -> bool:
    """Tell whether the values of an enum are languages, apart from an `other` or two."""
    known = sum(code_of(label) is not None for label in labels)
    return known >= 2 and known / len(labels) >= MOST_OF  # noqa: PLR2004 - one alone could be a word


def pick(labels: Sequence[str], text: str) -> str | None:
    """Return the label of the text's language, if there is one."""
    code = detect(text)
    return next((label for label in labels if code_of(label) == code), None)
